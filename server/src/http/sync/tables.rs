//! What a device holds: its assignment, and the tables that it copies.

use super::device::{Active, DeviceCall};
use super::range::{Wanted, wanted};
use crate::http::answer::CborAnswer;
use crate::http::budgets;
use crate::http::endpoint::{Describe, Endpoint, Sketch, get, post};
use crate::http::extract::{Args, Cbor, Query};
use crate::http::problem::Failure;
use crate::service::Service;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
};
use http::{HeaderMap, HeaderName, StatusCode};
use serde::Deserialize;
use usher_domain::ids::DeviceId;
use usher_domain::problem::Code;
use usher_domain::protocol::{
    Assignment, BucketDigests, BucketRows, Changes, HandBack, HandBackAnswer, Heartbeat,
    HeartbeatAnswer, SnapshotPart, SnapshotRequest, TrustHandBack, paths,
};
use usher_domain::table::{TableId, Version};
use usher_domain::wire::{SNAPSHOT_MEDIA_TYPE, SnapshotHead};

/// Bytes that are read of a snapshot at once.
const PART_BYTES: u64 = 1 << 20;

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        get(
            paths::ASSIGNMENT,
            "What the device should hold now",
            assignment,
        ),
        post(paths::HEARTBEAT, "Tell that the device is alive", heartbeat)
            .within(budgets::HEARTBEAT),
        get(paths::SNAPSHOT, "The newest snapshot of a table", snapshot),
        get(
            paths::SNAPSHOT_BYTES,
            "Bytes of a snapshot, whole or by range; they never change",
            snapshot_bytes,
        ),
        get(paths::CHANGES, "Rows that changed after a version", changes),
        get(paths::BUCKETS, "Digests of a table's buckets", buckets),
        post(paths::ROWS, "All rows of some buckets", bucket_rows).within(budgets::ROWS),
        post(
            paths::HAND_BACK,
            "Give rows to a server restored from a backup",
            hand_back,
        )
        .within(budgets::HAND_BACK),
        post(
            paths::HAND_BACK_TRUST,
            "Give a trust document to a server restored from a backup",
            hand_back_trust,
        )
        .within(budgets::HAND_BACK_TRUST),
    ]
}

async fn assignment(call: DeviceCall<Active>) -> Result<CborAnswer<Assignment>, Failure> {
    Ok(CborAnswer(call.service.assignment(call.device).await?))
}

async fn heartbeat(
    call: DeviceCall<Active>,
    Cbor(heartbeat): Cbor<Heartbeat>,
) -> Result<CborAnswer<HeartbeatAnswer>, Failure> {
    let answer = call.service.heartbeat(call.device, heartbeat).await?;
    Ok(CborAnswer(answer))
}

/// A table by the name that it has in paths.
pub(super) fn table(name: &str) -> Result<TableId, Failure> {
    name.parse().map_err(|_| nothing())
}

fn version(name: &str) -> Result<Version, Failure> {
    name.parse().map_err(|_| nothing())
}

fn nothing() -> Failure {
    Failure::new(Code::NotFound, "there is nothing of that name")
}

async fn snapshot(
    call: DeviceCall<Active>,
    Args(name): Args<String>,
) -> Result<CborAnswer<SnapshotHead>, Failure> {
    let request = SnapshotRequest {
        table: table(&name)?,
        of: None,
        from: 0,
        length: 0,
    };
    let part = call.service.snapshot(call.device, request).await?;
    Ok(CborAnswer(SnapshotHead {
        version: part.version,
        total: part.total,
        manifest: part.manifest.into(),
    }))
}

/// Bytes of a snapshot.
struct SnapshotBytes(Response);

impl IntoResponse for SnapshotBytes {
    fn into_response(self) -> Response {
        self.0
    }
}

impl Describe for SnapshotBytes {
    fn describe(to: &mut Sketch) {
        to.header("range", "One range of bytes; the whole without");
        to.answers_binary(SNAPSHOT_MEDIA_TYPE);
    }
}

impl Describe for HeaderMap {
    /// Headers that matter are described where they are read.
    fn describe(_: &mut Sketch) {}
}

async fn snapshot_bytes(
    call: DeviceCall<Active>,
    Args((table_name, version_name)): Args<(String, String)>,
    headers: HeaderMap,
) -> Result<SnapshotBytes, Failure> {
    let (table, version) = (table(&table_name)?, version(&version_name)?);
    let etag = format!("\"{version}\"");
    let (from, length) = match wanted(&headers, &etag) {
        Wanted::Whole => (0, None),
        Wanted::Part { from, length } => (from, Some(length)),
    };
    let request = SnapshotRequest {
        table,
        of: Some(version),
        from,
        length: length.unwrap_or(PART_BYTES).min(PART_BYTES),
    };
    let part = call
        .service
        .snapshot(call.device, request)
        .await
        .map_err(|error| {
            if error.code() == Code::InvalidValue {
                outside()
            } else {
                error.into()
            }
        })?;
    let total = part.total;
    if length.is_some() && part.bytes.is_empty() {
        return Err(outside());
    }
    let end = length.map_or(total, |length| from.saturating_add(length).min(total));
    let status = match length {
        Some(_) => StatusCode::PARTIAL_CONTENT,
        None => StatusCode::OK,
    };
    let mut answer = Response::builder()
        .status(status)
        .header(CONTENT_TYPE, SNAPSHOT_MEDIA_TYPE)
        .header(CONTENT_LENGTH, end - from)
        .header(ACCEPT_RANGES, "bytes")
        .header(CACHE_CONTROL, "private, immutable")
        .header(ETAG, etag);
    if length.is_some() {
        let range = format!("bytes {from}-{}/{total}", end - 1);
        answer = answer.header::<HeaderName, _>(CONTENT_RANGE, range);
    }
    let rest = Rest {
        service: call.service,
        device: call.device,
        request,
        end,
    };
    answer
        .body(rest.after(part))
        .map(SnapshotBytes)
        .map_err(|_| Failure::new(Code::Internal, "a fault of the server"))
}

fn outside() -> Failure {
    Failure::new(Code::RangeNotSatisfiable, "the range lies outside")
}

/// What is still to be read of a snapshot, part by part, so that a slow device holds little memory.
struct Rest {
    service: Service,
    device: DeviceId,
    request: SnapshotRequest,
    end: u64,
}

impl Rest {
    fn after(self, first: SnapshotPart) -> Body {
        let parts = stream::try_unfold((self, Some(first)), |(mut rest, ready)| async move {
            let left = rest.end - rest.request.from;
            if left == 0 {
                return Ok(None);
            }
            let part = match ready {
                Some(part) => part,
                None => {
                    rest.request.length = left.min(PART_BYTES);
                    rest.service.snapshot(rest.device, rest.request).await?
                }
            };
            let mut bytes = Bytes::from(part.bytes);
            bytes.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            if bytes.is_empty() {
                // The file is shorter than it was; ending here breaks the connection, which is right.
                return Err(crate::service::Error::SnapshotGone);
            }
            rest.request.from += bytes.len() as u64;
            Ok(Some((bytes, (rest, None))))
        });
        Body::from_stream(parts)
    }
}

/// From which version on.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
struct Since {
    /// Version held: epoch and number with a dot between.
    since: String,
}

async fn changes(
    call: DeviceCall<Active>,
    Args(name): Args<String>,
    Query(Since { since }): Query<Since>,
) -> Result<CborAnswer<Changes>, Failure> {
    let (table, since) = (table(&name)?, version(&since)?);
    let changes = call.service.changes(call.device, table, since).await?;
    Ok(CborAnswer(changes))
}

async fn buckets(
    call: DeviceCall<Active>,
    Args(name): Args<String>,
) -> Result<CborAnswer<BucketDigests>, Failure> {
    let digests = call.service.buckets(call.device, table(&name)?).await?;
    Ok(CborAnswer(digests))
}

async fn bucket_rows(
    call: DeviceCall<Active>,
    Args(name): Args<String>,
    Cbor(wanted): Cbor<Vec<u16>>,
) -> Result<CborAnswer<BucketRows>, Failure> {
    let rows = call
        .service
        .bucket_rows(call.device, table(&name)?, wanted)
        .await?;
    Ok(CborAnswer(rows))
}

async fn hand_back(
    call: DeviceCall<Active>,
    Cbor(request): Cbor<HandBack>,
) -> Result<CborAnswer<HandBackAnswer>, Failure> {
    let answer = call.service.hand_back(call.device, request).await?;
    Ok(CborAnswer(answer))
}

async fn hand_back_trust(
    call: DeviceCall<Active>,
    Cbor(request): Cbor<TrustHandBack>,
) -> Result<CborAnswer<()>, Failure> {
    let done = call.service.hand_back_trust(call.device, request).await;
    Ok(CborAnswer(done?))
}
