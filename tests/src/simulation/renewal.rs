//! Trust documents that a server which was put back lacks: devices hand them back, and no key that was revoked
//! counts again.

use super::weather::Weather;
use super::world::{World, note_exchange};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use usher_domain::table::Version;
use usher_vfs::Faults;

impl World {
    /// Where there are two sessions, and a newer trust document was not handed in again after a server was put
    /// back: a device that holds one and has exchanged has handed it back.
    pub(super) async fn check_trust_comes_back(&self) {
        if self.two.is_none() || !self.owes_trust.get() {
            return;
        }
        for device in &self.devices {
            let Some(program) = device.program() else {
                continue;
            };
            device.rest().await;
            device.line.set(Weather::CLEAR);
            device.disk.set_faults(Faults::default());
            let held = program.with(|store| store.held_trust()).ok().flatten();
            let Some(done) = program.exchange(device).await else {
                continue;
            };
            note_exchange(device, &self.story, &done);
            let Some(held) = held.filter(|_| done.is_ok_and(|report| report.is_clean())) else {
                continue;
            };
            self.check_server_has_trust(device.name, held.version).await;
        }
    }

    /// The server has a trust document in force, or keeps one that was handed back, that is no older.
    async fn check_server_has_trust(&self, name: &str, version: Version) {
        let Some(service) = self.server.service() else {
            return;
        };
        let organizer = self.house.organizer.id;
        let in_force = service
            .organizer(organizer.to_string())
            .await
            .unwrap()
            .trust;
        let kept = service.trust_handed_back(organizer).await.unwrap();
        let in_force = in_force.map(|trust| Version {
            epoch: trust.epoch,
            number: trust.number,
        });
        let kept = kept.documents.iter().filter_map(|kept| {
            let bytes = STANDARD.decode(kept).ok()?;
            let parsed = usher_domain::cose::parse(&bytes).ok()?;
            let trust: usher_domain::document::trust::Trust =
                usher_domain::cbor::decode(parsed.unverified_payload()).ok()?;
            Some(trust.version)
        });
        let newest = kept.chain(in_force).max();
        self.story.check(
            "a trust document that a restored server lost is handed back",
            newest.is_some_and(|newest| newest >= version),
            format_args!("{name} holds {version}, the server {newest:?}"),
        );
    }
}
