//! The OpenAPI document, made of the endpoints that the router is made of.

use super::endpoint::Endpoint;
use usher_domain::problem::Problem;
use utoipa::PartialSchema as _;
use utoipa::ToSchema as _;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Paths,
};

/// Puts the document together.
pub(crate) fn document(endpoints: &[Endpoint]) -> OpenApi {
    let mut paths = Paths::new();
    let mut schemas = vec![(Problem::name().into_owned(), Problem::schema())];
    Problem::schemas(&mut schemas);
    for endpoint in endpoints {
        paths.add_path_operation(
            endpoint.path,
            vec![endpoint.method.clone()],
            endpoint.operation.clone(),
        );
        schemas.extend(endpoint.schemas.iter().cloned());
    }
    let bearer = |text: &str| {
        SecurityScheme::Http(
            HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .description(Some(text))
                .build(),
        )
    };
    let components = ComponentsBuilder::new()
        .schemas_from_iter(schemas)
        .security_scheme("token", bearer("An API token as `id.secret`"))
        .security_scheme(
            "device",
            bearer("A device's token, earned by signing a challenge; good for 15 minutes"),
        )
        .build();
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Usher")
                .version("1")
                .description(Some(
                    "What organizers and sales systems ask under `/api/v1` (JSON), and devices under \
                     `/sync/v1` (CBOR). Every error is a problem (RFC 9457) with a stable code. A JSON \
                     body is an object. A body that comes with a request that takes none is ignored.",
                ))
                .license(Some(
                    LicenseBuilder::new()
                        .name("Apache-2.0")
                        .identifier(Some("Apache-2.0"))
                        .build(),
                ))
                .build(),
        )
        .paths(paths)
        .components(Some(components))
        .build()
}
