//! The organizer's desk: what is reported there, and what is ordered from there.

use crate::venue::{EVENT, SESSION, Venue};
use usher_domain::api::imports::{ImportOptions, ImportReport};
use usher_domain::api::reports::{
    Audit, Incident, IncidentKind, NewEveryoneOut, NewFreeFlow, NewOutTakenBack, NewRulings,
    Statistics,
};
use usher_domain::record::RulingWord;
use usher_domain::time::UnixMillis;

fn evening() -> (String, String) {
    (EVENT.to_owned(), SESSION.to_owned())
}

impl Venue {
    /// All open incidents.
    pub async fn incidents(&self) -> Vec<Incident> {
        let service = self.service();
        let page = service.incidents(self.organizer.id, None, 1_000);
        page.await.unwrap().items
    }

    /// The open incidents of a kind.
    pub async fn incidents_of(&self, kind: IncidentKind) -> Vec<Incident> {
        let all = self.incidents().await;
        all.into_iter()
            .filter(|incident| incident.kind == kind)
            .collect()
    }

    /// What happened in the evening so far.
    pub async fn statistics(&self) -> Statistics {
        let (event, session) = evening();
        let service = self.service();
        let counted = service.statistics(
            self.organizer.id,
            event,
            session,
            usher_server::service::Names::Hidden,
        );
        counted.await.unwrap()
    }

    /// Checks all chains and signatures of the evening's scope.
    pub async fn audit(&self) -> Audit {
        let (event, session) = evening();
        let service = self.service();
        let checked = service.audit(self.organizer.id, event, session);
        checked.await.unwrap()
    }

    /// Says whether records count.
    pub async fn rule_on(&self, records: Vec<String>, word: RulingWord) {
        let (event, session) = evening();
        let service = self.service();
        let said = service.rule(
            self.organizer.id,
            event,
            session,
            NewRulings { records, word },
        );
        said.await.unwrap();
    }

    /// Sends everyone out of the evening.
    pub async fn everyone_out(&self) {
        let (event, session) = evening();
        let all = NewEveryoneOut {
            zone: None,
            everyone: true,
            at: None,
        };
        let service = self.service();
        let said = service.everyone_out(self.organizer.id, event, session, all);
        said.await.unwrap();
    }

    /// Takes back that everyone was sent out of the evening.
    pub async fn take_everyone_out_back(&self) {
        let (event, session) = evening();
        let all = NewOutTakenBack {
            zone: None,
            everyone: true,
        };
        let service = self.service();
        let said = service.take_everyone_out_back(self.organizer.id, event, session, all);
        said.await.unwrap();
    }

    /// Opens a gate in the evening until then.
    pub async fn free_flow(&self, gate: &str, until: UnixMillis) {
        let (event, session) = evening();
        let until = i64::try_from(until.get()).unwrap();
        let new = NewFreeFlow {
            gate: gate.to_owned(),
            from: None,
            until: jiff::Timestamp::from_millisecond(until).unwrap(),
        };
        let service = self.service();
        let said = service.free_flow(self.organizer.id, event, session, new);
        said.await.unwrap();
    }

    /// Imports a list of tickets for the evening as a shop exports it.
    pub async fn import(&self, list: &str) -> ImportReport {
        let options = ImportOptions {
            session: Some(SESSION.to_owned()),
            ..ImportOptions::default()
        };
        let files = vec![("list.csv".to_owned(), list.as_bytes().to_vec())];
        let service = self.service();
        let imported = service.import(self.organizer.id, EVENT.to_owned(), files, options);
        imported.await.unwrap()
    }
}
