//! Where each call of the exchange lives under HTTP, as route templates that both ends share.

/// Takes a use of an enrollment code (POST).
pub const ENROLL: &str = "/sync/v1/enroll";
/// Asks for something to sign (POST).
pub const CHALLENGE: &str = "/sync/v1/challenge";
/// Turns the signed challenge into a token (POST).
pub const TOKEN: &str = "/sync/v1/token";
/// What the device should hold (GET).
pub const ASSIGNMENT: &str = "/sync/v1/assignment";
/// Version, size and manifest of the newest prepared snapshot of a table (GET).
pub const SNAPSHOT: &str = "/sync/v1/tables/{table}/snapshot";
/// The bytes of one prepared snapshot (GET with a range).
pub const SNAPSHOT_BYTES: &str = "/sync/v1/tables/{table}/snapshots/{version}";
/// What changed in a table (GET, `?since={version}`).
pub const CHANGES: &str = "/sync/v1/tables/{table}/changes";
/// Digests of a table's buckets (GET).
pub const BUCKETS: &str = "/sync/v1/tables/{table}/buckets";
/// Rows of some buckets (POST of their numbers).
pub const ROWS: &str = "/sync/v1/tables/{table}/rows";
/// Gives rows to a server that was restored from a backup (POST).
pub const HAND_BACK: &str = "/sync/v1/hand-back";
/// Gives a trust document to a server that was restored from a backup (POST).
pub const HAND_BACK_TRUST: &str = "/sync/v1/hand-back-trust";
/// Stores a batch of the device's log (POST).
pub const PUSH: &str = "/sync/v1/push";
/// Ends of the device's logs in a scope (GET).
pub const HEADS: &str = "/sync/v1/scopes/{scope}/heads";
/// A page of a scope's feed (GET, `?epoch=&after=&limit=`).
pub const FEED: &str = "/sync/v1/scopes/{scope}/feed";
/// A sign of life (POST).
pub const HEARTBEAT: &str = "/sync/v1/heartbeat";
/// Asks the scope's authority whether to let somebody through (POST).
pub const CLAIM: &str = "/sync/v1/claim";
/// Takes the device off duty (POST).
pub const SIGN_OFF: &str = "/sync/v1/sign-off";
/// Records, sets and instructions as they come, as server-sent events (GET, `?scope={scope}:{epoch}:{after}`).
pub const LIVE: &str = "/sync/v1/live";
/// The header that ties a request to the log lines of both ends and to the error a person sees.
pub const CORRELATION_HEADER: &str = "x-correlation-id";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_begins_with_the_version_of_the_exchange() {
        for path in [
            ENROLL,
            CHALLENGE,
            TOKEN,
            ASSIGNMENT,
            SNAPSHOT,
            SNAPSHOT_BYTES,
            CHANGES,
            BUCKETS,
            ROWS,
            HAND_BACK,
            HAND_BACK_TRUST,
            PUSH,
            HEADS,
            FEED,
            HEARTBEAT,
            CLAIM,
            SIGN_OFF,
            LIVE,
        ] {
            assert!(path.starts_with(crate::protocol::PATH_PREFIX), "{path}");
        }
    }
}
