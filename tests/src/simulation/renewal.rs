//! Trust documents that a server which was put back lacks: devices hand them back, and no key that was revoked
//! counts again.

use super::house::House;
use super::story::Story;
use super::weather::Weather;
use super::world::{World, note_exchange};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use usher_domain::cbor;
use usher_domain::cose;
use usher_domain::document::trust::Trust;
use usher_domain::table::Version;
use usher_server::service::Service;
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
        let newest = newest_trust(&service, self.house).await;
        self.story.check(
            "a trust document that a restored server lost is handed back",
            newest.is_none_or(|newest| newest >= version),
            format_args!("{name} holds {version}, the server {newest:?}"),
        );
    }
}

/// The version that a trust document says.
fn version_of(document: &[u8]) -> Option<Version> {
    let parsed = cose::parse(document).ok()?;
    let trust: Trust = cbor::decode(parsed.unverified_payload()).ok()?;
    Some(trust.version)
}

/// The newest trust document that a server has in force or keeps; nothing if that cannot be read.
async fn newest_trust(service: &Service, house: &House) -> Option<Version> {
    let organizer = house.organizer.id;
    let in_force = service.organizer(organizer.to_string()).await.ok()?.trust?;
    let in_force = Version {
        epoch: in_force.epoch,
        number: in_force.number,
    };
    let kept = service.trust_handed_back(organizer).await.ok()?.documents;
    let kept = kept
        .iter()
        .filter_map(|kept| version_of(&STANDARD.decode(kept).ok()?));
    kept.chain([in_force]).max()
}

/// The server took in what a device handed back: it has it then, or a newer one, until one is signed that unites
/// both.
pub(super) async fn check_kept(story: &Story, service: &Service, house: &House, document: &[u8]) {
    let Some(newest) = newest_trust(service, house).await else {
        return;
    };
    let version = version_of(document);
    story.check(
        "a trust document that is handed back is kept",
        version.is_none_or(|version| newest >= version),
        format_args!("{version:?} was, the server has {newest}"),
    );
}
