//! Claims: gates ask before they let somebody through.

use super::Service;
use super::devices;
use super::error::Result;
use usher_domain::ids::DeviceId;
use usher_domain::protocol::claim::{ClaimAnswer, ClaimRequest};

impl Service {
    /// Answers a claim. No signed document names this server as an authority yet, so no gate may take its
    /// word for more than its own.
    ///
    /// # Errors
    /// [`Error::NotFound`](super::Error::NotFound), [`Error::DeviceRevoked`](super::Error::DeviceRevoked).
    pub async fn claim(&self, device: DeviceId, _: ClaimRequest) -> Result<ClaimAnswer> {
        self.read(move |txn| devices::active(txn, device).map(drop))
            .await?;
        Ok(ClaimAnswer::NotAuthority { authority: None })
    }
}
