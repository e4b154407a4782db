//! The calls of the contract, each as its request.

use super::answer::{bytes, decode, unreadable};
use super::{HttpSync, Reply};
use minicbor::{Decode, Encode};
use reqwest::header::{CONTENT_RANGE, CONTENT_TYPE, RANGE};
use reqwest::{Method, RequestBuilder};
use usher_domain::cbor;
use usher_domain::document::batch::Batch;
use usher_domain::ids::ScopeId;
use usher_domain::problem::Problem;
use usher_domain::protocol::claim::{ClaimAnswer, ClaimRequest};
use usher_domain::protocol::{
    Assignment, BucketDigests, BucketRows, Changes, EnrollAnswer, EnrollRequest, FeedPage,
    FeedRequest, HandBack, HandBackAnswer, Head, HeadsAnswer, Heartbeat, HeartbeatAnswer,
    MEDIA_TYPE, PushAnswer, SnapshotPart, SnapshotRequest, SyncApi, TrustHandBack, Whose, paths,
};
use usher_domain::table::{TableId, Version};
use usher_domain::wire::{EnrollBody, SnapshotHead};

/// Bytes of a snapshot that one request asks for at most: few enough for the bound of time on a poor
/// line, enough that the round trips do not count.
pub const SNAPSHOT_PART_BYTES: u64 = 1024 * 1024;

impl HttpSync {
    async fn get<T: for<'b> Decode<'b, ()>>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<T, Problem> {
        let mut url = self.endpoint.url(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        decode(self.send(|| self.request(Method::GET, url.clone())).await?).await
    }

    async fn post<T: for<'b> Decode<'b, ()>>(
        &self,
        path: &str,
        body: &impl Encode<()>,
    ) -> Result<T, Problem> {
        let body = cbor::encode(body);
        decode(self.send(|| self.posting(path, &body)).await?).await
    }

    fn posting(&self, path: &str, body: &[u8]) -> Result<(RequestBuilder, String), Problem> {
        let (request, id) = self.request(Method::POST, self.endpoint.url(path))?;
        let request = request.header(CONTENT_TYPE, MEDIA_TYPE);
        Ok((request.body(body.to_vec()), id))
    }

    /// A range of a prepared snapshot.
    async fn snapshot_bytes(
        &self,
        table: TableId,
        version: Version,
        from: u64,
        length: u64,
    ) -> Result<Ranged, Problem> {
        let path =
            in_table(paths::SNAPSHOT_BYTES, table).replace("{version}", &version.to_string());
        let url = self.endpoint.url(&path);
        let length = length.clamp(1, SNAPSHOT_PART_BYTES);
        let last = from.saturating_add(length - 1);
        let build = || {
            let (request, id) = self.request(Method::GET, url.clone())?;
            Ok((request.header(RANGE, format!("bytes={from}-{last}")), id))
        };
        let reply = self.send(build).await?;
        let correlation = reply.correlation.clone();
        let odd = || unreadable("another range than the one asked for", &correlation);
        let range = ContentRange::of(&reply).ok_or_else(odd)?;
        if range.from != from || range.last > last {
            return Err(odd());
        }
        let bytes = bytes(reply, usize::try_from(length).map_err(|_| odd())?).await?;
        if bytes.len() as u64 != range.last - range.from + 1 {
            return Err(odd());
        }
        Ok(Ranged {
            total: range.total,
            bytes,
        })
    }
}

/// Bytes out of a whole.
struct Ranged {
    total: u64,
    bytes: Vec<u8>,
}

/// `Content-Range: bytes 0-1023/4096` (RFC 9110, section 14.4).
#[derive(Debug, PartialEq, Eq)]
struct ContentRange {
    from: u64,
    last: u64,
    total: u64,
}

impl ContentRange {
    fn of(reply: &Reply) -> Option<Self> {
        if reply.response.status() != reqwest::StatusCode::PARTIAL_CONTENT {
            return None;
        }
        Self::parse(reply.response.headers().get(CONTENT_RANGE)?.to_str().ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
        let (from, last) = range.split_once('-')?;
        let range = Self {
            from: from.parse().ok()?,
            last: last.parse().ok()?,
            total: total.parse().ok()?,
        };
        (range.from <= range.last && range.last < range.total).then_some(range)
    }
}

fn in_table(path: &str, table: TableId) -> String {
    path.replace("{table}", &table.to_string())
}

fn in_scope(path: &str, scope: ScopeId) -> String {
    path.replace("{scope}", &scope.to_string())
}

impl SyncApi for HttpSync {
    async fn enroll(&self, request: EnrollRequest) -> Result<EnrollAnswer, Problem> {
        let url = self.endpoint.url(paths::ENROLL);
        let body = cbor::encode(&EnrollBody::from(request));
        decode(self.send_open(Method::POST, url, body).await?).await
    }

    async fn assignment(&self) -> Result<Assignment, Problem> {
        self.get(paths::ASSIGNMENT, &[]).await
    }

    async fn snapshot(&self, request: SnapshotRequest) -> Result<SnapshotPart, Problem> {
        let SnapshotRequest {
            table,
            of,
            from,
            length,
        } = request;
        let (version, manifest) = match of {
            Some(version) => (version, Vec::new()),
            None => {
                let head: SnapshotHead = self.get(&in_table(paths::SNAPSHOT, table), &[]).await?;
                (head.version, head.manifest.into())
            }
        };
        let part = self.snapshot_bytes(table, version, from, length).await?;
        Ok(SnapshotPart {
            version,
            total: part.total,
            from,
            bytes: part.bytes,
            manifest,
        })
    }

    async fn changes(&self, table: TableId, since: Version) -> Result<Changes, Problem> {
        let query = [("since", since.to_string())];
        self.get(&in_table(paths::CHANGES, table), &query).await
    }

    async fn buckets(&self, table: TableId) -> Result<BucketDigests, Problem> {
        self.get(&in_table(paths::BUCKETS, table), &[]).await
    }

    async fn bucket_rows(&self, table: TableId, buckets: Vec<u16>) -> Result<BucketRows, Problem> {
        self.post(&in_table(paths::ROWS, table), &buckets).await
    }

    async fn hand_back(&self, request: HandBack) -> Result<HandBackAnswer, Problem> {
        self.post(paths::HAND_BACK, &request).await
    }

    async fn hand_back_trust(&self, request: TrustHandBack) -> Result<(), Problem> {
        self.post(paths::HAND_BACK_TRUST, &request).await
    }

    async fn push(&self, batch: Batch) -> Result<PushAnswer, Problem> {
        self.post(paths::PUSH, &batch).await
    }

    async fn heads(&self, scope: ScopeId, whose: Whose) -> Result<HeadsAnswer, Problem> {
        let query = [("whose", whose.as_str().to_owned())];
        self.get(&in_scope(paths::HEADS, scope), &query).await
    }

    async fn feed(&self, request: FeedRequest) -> Result<FeedPage, Problem> {
        let mut query = vec![
            ("epoch", request.epoch.to_string()),
            ("after", request.after.to_string()),
            ("limit", request.limit.to_string()),
        ];
        query.extend(request.last.map(|last| ("last", last.to_string())));
        self.get(&in_scope(paths::FEED, request.scope), &query)
            .await
    }

    async fn heartbeat(&self, heartbeat: Heartbeat) -> Result<HeartbeatAnswer, Problem> {
        self.post(paths::HEARTBEAT, &heartbeat).await
    }

    async fn claim(&self, request: ClaimRequest) -> Result<ClaimAnswer, Problem> {
        let body = cbor::encode(&request);
        let reply = self.send_promptly(|| self.posting(paths::CLAIM, &body));
        decode(reply.await?).await
    }

    async fn sign_off(&self, heads: Vec<Head>) -> Result<(), Problem> {
        self.post(paths::SIGN_OFF, &heads).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_range_is_read_strictly() {
        let range = |from, last, total| Some(ContentRange { from, last, total });
        assert_eq!(ContentRange::parse("bytes 0-9/10"), range(0, 9, 10));
        for text in [
            "bytes 0-10/10",
            "bytes 9-0/10",
            "bytes */10",
            "bytes 0-9/*",
            "0-9/10",
            "bytes -1-9/10",
        ] {
            assert_eq!(ContentRange::parse(text), None, "{text}");
        }
    }
}
