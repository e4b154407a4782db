//! One endpoint: method, path, handler, and its description. The description is made of the handler's own
//! types, so the OpenAPI document and the router cannot drift apart.

use super::problem::Failure;
use super::{Shared, budgets};
use crate::config::Limits;
use axum::Extension;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter};
use http::StatusCode;
use std::borrow::Cow;
use std::future::Future;
use std::time::Duration;
use tower_http::timeout::TimeoutLayer;
use usher_domain::cbor::Bounds;
use utoipa::ToSchema;
use utoipa::openapi::path::{
    HttpMethod, Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Required, Schema};

/// Which callers an endpoint is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everybody.
    Open,
    /// Holders of an API token of at least this role.
    Token(usher_domain::api::access::TokenRole),
    /// Devices that count.
    Device,
    /// Devices, revoked ones too: what they recorded is never lost.
    DeviceEvenRevoked,
}

/// How much a request may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budget {
    /// Bytes of its body.
    pub(crate) bytes: usize,
    /// Values in its body.
    pub(crate) holds: Bounds,
}

/// How much an endpoint takes and how long it may work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    /// A JSON body of usual size.
    Usual,
    /// A CBOR body of so much.
    Sync(Budget),
    /// The files of an import.
    Import,
}

impl Weight {
    /// What a request may hold by a server's limits.
    pub(crate) const fn budget(self, limits: &Limits) -> Budget {
        match self {
            Self::Usual => Budget {
                bytes: limits.body_bytes,
                holds: budgets::JSON,
            },
            Self::Sync(budget) => budget,
            Self::Import => Budget {
                bytes: limits.import_bytes,
                holds: budgets::JSON,
            },
        }
    }

    /// How long a request may take.
    pub(crate) fn time(self, limits: &Limits) -> Duration {
        match self {
            Self::Usual | Self::Sync(_) => limits.request,
            Self::Import => limits.request * 10,
        }
    }
}

/// A part of a handler's signature that says something about the endpoint.
pub(crate) trait Describe {
    /// Adds what it says.
    fn describe(to: &mut Sketch);
}

/// The description of an endpoint in the making.
pub(crate) struct Sketch {
    access: Access,
    parameters: Vec<Parameter>,
    body: Option<RequestBodyBuilder>,
    status: StatusCode,
    answer: ResponseBuilder,
    schemas: Vec<(String, RefOr<Schema>)>,
}

impl Sketch {
    fn new() -> Self {
        Self {
            access: Access::Open,
            parameters: Vec::new(),
            body: None,
            status: StatusCode::OK,
            answer: ResponseBuilder::new(),
            schemas: Vec::new(),
        }
    }

    /// Says who may call.
    pub(crate) fn access(&mut self, access: Access) {
        self.access = access;
    }

    /// Says that there are parameters.
    pub(crate) fn parameters(&mut self, parameters: Vec<Parameter>) {
        self.parameters.extend(parameters);
    }

    /// Says that a header is read.
    pub(crate) fn header(&mut self, name: &str, meaning: &str) {
        self.parameters.push(text_parameter(
            name,
            ParameterIn::Header,
            Required::False,
            meaning,
        ));
    }

    /// Says that the query has a text, maybe several times.
    pub(crate) fn query(&mut self, name: &str, meaning: &str) {
        self.parameters.push(text_parameter(
            name,
            ParameterIn::Query,
            Required::False,
            meaning,
        ));
    }

    /// Says that the body is a `T`.
    pub(crate) fn takes<T: ToSchema>(&mut self, media_type: &str) {
        let content = ContentBuilder::new()
            .schema(Some(self.schema::<T>()))
            .build();
        self.body = Some(
            RequestBodyBuilder::new()
                .required(Some(Required::True))
                .content(media_type, content),
        );
    }

    /// Says that the body is bytes that this document does not describe.
    pub(crate) fn takes_binary(&mut self, media_type: &str) {
        self.body = Some(
            RequestBodyBuilder::new()
                .required(Some(Required::True))
                .content(media_type, binary()),
        );
    }

    /// Says that the answer is a `T`.
    pub(crate) fn answers<T: ToSchema>(&mut self, status: StatusCode) {
        let content = ContentBuilder::new()
            .schema(Some(self.schema::<T>()))
            .build();
        self.status = status;
        self.answer = ResponseBuilder::new().content("application/json", content);
    }

    /// Says that the answer is bytes or text that this document does not describe.
    pub(crate) fn answers_binary(&mut self, media_type: &str) {
        self.answer = ResponseBuilder::new().content(media_type, binary());
    }

    /// Says that there is an answer without a body.
    pub(crate) fn answers_nothing(&mut self) {
        self.status = StatusCode::NO_CONTENT;
        self.answer = ResponseBuilder::new();
    }

    /// A reference to a type's schema, which gets into the document; generic types have no name of their
    /// own and stand in place.
    fn schema<T: ToSchema>(&mut self) -> RefOr<Schema> {
        T::schemas(&mut self.schemas);
        if std::any::type_name::<T>().contains('<') {
            return T::schema();
        }
        let name: Cow<'static, str> = T::name();
        self.schemas.push((name.clone().into_owned(), T::schema()));
        Ref::from_schema_name(name).into()
    }
}

fn binary() -> utoipa::openapi::Content {
    let schema: Object = ObjectBuilder::new().schema_type(Type::String).build();
    ContentBuilder::new()
        .schema(Some(Schema::Object(schema)))
        .build()
}

fn text_parameter(name: &str, place: ParameterIn, required: Required, meaning: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(required)
        .description(Some(meaning))
        .schema(Some(Schema::Object(
            ObjectBuilder::new().schema_type(Type::String).build(),
        )))
        .build()
}

/// A handler whose signature describes the endpoint.
pub(crate) trait Described<Parts, Answer>: Clone {
    /// Adds what the signature says.
    fn describe(to: &mut Sketch);
    /// The handler as a route.
    fn route(self, method: MethodFilter) -> MethodRouter<Shared>;
}

macro_rules! described {
    ($($part:ident),*) => {
        impl<F, Running, Answer, Via, $($part,)*> Described<(Via, $($part,)*), Answer> for F
        where
            F: Fn($($part),*) -> Running + Handler<(Via, $($part,)*), Shared>,
            Running: Future<Output = Result<Answer, Failure>> + Send,
            Answer: Describe,
            Via: 'static,
            $($part: Describe + 'static,)*
        {
            fn describe(to: &mut Sketch) {
                $($part::describe(to);)*
                Answer::describe(to);
            }

            fn route(self, method: MethodFilter) -> MethodRouter<Shared> {
                axum::routing::on(method, self)
            }
        }
    };
}

described!(A);
described!(A, B);
described!(A, B, C);
described!(A, B, C, D);

/// An endpoint.
pub(crate) struct Endpoint {
    pub(crate) method: HttpMethod,
    pub(crate) path: &'static str,
    /// Also read by the test that tries every role.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "enforced by the handler's own types")
    )]
    pub(crate) access: Access,
    pub(crate) operation: Operation,
    pub(crate) schemas: Vec<(String, RefOr<Schema>)>,
    pub(crate) weight: Weight,
    route: MethodRouter<Shared>,
}

/// A `GET` endpoint.
pub(crate) fn get<H, P, A>(path: &'static str, summary: &'static str, handler: H) -> Endpoint
where
    H: Described<P, A>,
{
    endpoint(HttpMethod::Get, MethodFilter::GET, path, summary, handler)
}

/// A `POST` endpoint.
pub(crate) fn post<H, P, A>(path: &'static str, summary: &'static str, handler: H) -> Endpoint
where
    H: Described<P, A>,
{
    endpoint(HttpMethod::Post, MethodFilter::POST, path, summary, handler)
}

/// A `PATCH` endpoint.
pub(crate) fn patch<H, P, A>(path: &'static str, summary: &'static str, handler: H) -> Endpoint
where
    H: Described<P, A>,
{
    endpoint(
        HttpMethod::Patch,
        MethodFilter::PATCH,
        path,
        summary,
        handler,
    )
}

/// A `PUT` endpoint.
pub(crate) fn put<H, P, A>(path: &'static str, summary: &'static str, handler: H) -> Endpoint
where
    H: Described<P, A>,
{
    endpoint(HttpMethod::Put, MethodFilter::PUT, path, summary, handler)
}

/// A `DELETE` endpoint.
pub(crate) fn delete<H, P, A>(path: &'static str, summary: &'static str, handler: H) -> Endpoint
where
    H: Described<P, A>,
{
    endpoint(
        HttpMethod::Delete,
        MethodFilter::DELETE,
        path,
        summary,
        handler,
    )
}

fn endpoint<H, P, A>(
    method: HttpMethod,
    filter: MethodFilter,
    path: &'static str,
    summary: &'static str,
    handler: H,
) -> Endpoint
where
    H: Described<P, A>,
{
    let mut sketch = Sketch::new();
    H::describe(&mut sketch);
    let mut operation = OperationBuilder::new()
        .summary(Some(summary))
        .request_body(sketch.body.map(|body| body.build()))
        .response(
            sketch.status.as_str(),
            sketch.answer.description("The answer").build(),
        )
        .response(
            "default",
            ResponseBuilder::new()
                .description("A problem")
                .content(
                    super::problem::MEDIA_TYPE,
                    ContentBuilder::new()
                        .schema(Some(Ref::from_schema_name("Problem")))
                        .build(),
                )
                .build(),
        );
    for name in parameters_of(path) {
        operation = operation.parameter(text_parameter(
            name,
            ParameterIn::Path,
            Required::True,
            meaning(name),
        ));
    }
    for parameter in sketch.parameters {
        operation = operation.parameter(parameter);
    }
    let (scheme, who) = match sketch.access {
        Access::Open => (None, "Anybody may ask.".to_owned()),
        Access::Token(role) => (
            Some("token"),
            format!("For tokens of the role `{}` and above.", role_name(role)),
        ),
        Access::Device => (Some("device"), "For devices.".to_owned()),
        Access::DeviceEvenRevoked => (Some("device"), "For devices, revoked ones too.".to_owned()),
    };
    operation = operation.description(Some(who));
    if let Some(scheme) = scheme {
        operation = operation.security(SecurityRequirement::new(scheme, Vec::<String>::new()));
    }
    Endpoint {
        method,
        path,
        access: sketch.access,
        operation: operation.build(),
        schemas: sketch.schemas,
        weight: Weight::Usual,
        route: handler.route(filter),
    }
}

impl Endpoint {
    /// Takes other bodies than usual.
    pub(crate) const fn weighing(mut self, weight: Weight) -> Self {
        self.weight = weight;
        self
    }

    /// Takes CBOR of so much.
    pub(crate) const fn within(self, budget: Budget) -> Self {
        self.weighing(Weight::Sync(budget))
    }

    /// The route with the bounds of its weight.
    pub(crate) fn route(self, app: &super::App) -> (&'static str, MethodRouter<Shared>) {
        let budget = self.weight.budget(&app.limits);
        let bounded: MethodRouter<Shared> = self.route.layer(DefaultBodyLimit::max(budget.bytes));
        let bounded: MethodRouter<Shared> = bounded.layer(Extension(budget));
        let time = self.weight.time(&app.limits);
        let timed = TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, time);
        (self.path, bounded.layer(timed))
    }
}

/// Names of a path's parameters.
pub(crate) fn parameters_of(path: &'static str) -> impl Iterator<Item = &'static str> {
    path.split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn meaning(parameter: &str) -> &'static str {
    match parameter {
        "organizer" => "Organizer by slug or id",
        "event" => "Event by slug or id",
        "session" => "Session by slug or id",
        "gate" => "Gate by slug or id",
        "zone" => "Zone by slug or id",
        "ticket" => "Ticket by id",
        "device" => "Device by id",
        "staff" => "Member of staff by id",
        "token" => "Token by id",
        "scope" => "Scope by id",
        "record" => "Record by its hash in hex",
        "notice" => "Notice by the SHA-256 of its words in hex",
        "other" => "The other session by slug or id",
        "table" => "Table: `set.`, `roster.` or `directory.` and an id",
        "version" => "Version: epoch and number with a dot between",
        _ => "Name",
    }
}

fn role_name(role: usher_domain::api::access::TokenRole) -> &'static str {
    use usher_domain::api::access::TokenRole;
    match role {
        TokenRole::Viewer => "viewer",
        TokenRole::Sales => "sales",
        TokenRole::Organizer => "organizer",
        TokenRole::Admin => "admin",
    }
}
