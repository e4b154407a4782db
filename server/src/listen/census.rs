//! Who is connected, and who has to make room.
//!
//! A connection is a stranger's until somebody has proved on it who asks. Behind one address may be a whole
//! venue, so what an address may have is counted of strangers alone; and where there is no room, the oldest
//! of the strangers there goes, never the newest: a device that connects has the time that others take to
//! open as many connections as an address may have, and needs but that of its first request.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;
use usher_domain::ids::DeviceId;

use super::figures::ConnectionFigures;

/// A warning of refused connections is written this often at most.
const WARN_EVERY: Duration = Duration::from_secs(30);

/// How many connections there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionBounds {
    /// In all.
    pub total: usize,
    /// From one address on which nobody has proved who asks.
    pub strangers_per_address: usize,
    /// Of one device or token.
    pub per_caller: usize,
}

/// Who proved that it asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Caller {
    /// A device.
    Device(DeviceId),
    /// An API token, by its id.
    Token(String),
}

/// Whose a connection is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Owner {
    /// Nobody's that is known, from an address.
    Stranger(IpAddr),
    /// Somebody's.
    Caller(Caller),
    /// A proxy's, which sends on what many ask.
    Proxy,
}

struct Connected {
    owner: Owner,
    end: Arc<Notify>,
}

/// Everybody who is connected, each by the number of the connection: the oldest have the lowest.
#[derive(Default)]
struct Everybody {
    next: u64,
    all: BTreeMap<u64, Connected>,
    strangers: HashMap<IpAddr, BTreeSet<u64>>,
    callers: HashMap<Caller, BTreeSet<u64>>,
    warned_at: Option<Instant>,
    /// Ended or refused since the last warning.
    untold: u64,
}

impl Everybody {
    fn enlist(&mut self, number: u64, owner: &Owner) {
        match owner {
            Owner::Stranger(address) => {
                self.strangers.entry(*address).or_default().insert(number);
            }
            Owner::Caller(caller) => {
                let of_caller = self.callers.entry(caller.clone()).or_default();
                of_caller.insert(number);
            }
            Owner::Proxy => {}
        }
    }

    fn strike(&mut self, number: u64, owner: &Owner) {
        match owner {
            Owner::Stranger(address) => {
                if let Some(of_address) = self.strangers.get_mut(address) {
                    of_address.remove(&number);
                    if of_address.is_empty() {
                        self.strangers.remove(address);
                    }
                }
            }
            Owner::Caller(caller) => {
                if let Some(of_caller) = self.callers.get_mut(caller) {
                    of_caller.remove(&number);
                    if of_caller.is_empty() {
                        self.callers.remove(caller);
                    }
                }
            }
            Owner::Proxy => {}
        }
    }

    fn leave(&mut self, number: u64) -> Option<Connected> {
        let left = self.all.remove(&number)?;
        self.strike(number, &left.owner);
        Some(left)
    }

    /// Ends the connection of a number.
    fn end(&mut self, number: Option<u64>) -> bool {
        let ended = number.and_then(|number| self.leave(number));
        if let Some(ended) = &ended {
            // One that does not wait for it yet finds it when it does.
            ended.end.notify_one();
        }
        ended.is_some()
    }

    /// The oldest stranger of the address that has the most.
    fn most_dispensable(&self) -> Option<u64> {
        let most = self.strangers.values().max_by_key(|numbers| numbers.len());
        most.and_then(BTreeSet::first).copied()
    }
}

/// Who is connected; a clone is the same.
#[derive(Clone)]
pub(crate) struct Census {
    bounds: ConnectionBounds,
    everybody: Arc<Mutex<Everybody>>,
    figures: ConnectionFigures,
}

impl Census {
    pub(crate) fn new(bounds: ConnectionBounds, figures: ConnectionFigures) -> Self {
        Self {
            bounds,
            everybody: Arc::default(),
            figures,
        }
    }

    fn everybody(&self) -> MutexGuard<'_, Everybody> {
        self.everybody
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody connects from an address. None if there is no room, and nobody who could make some.
    pub(crate) fn arrive(&self, address: IpAddr) -> Option<Seat> {
        self.take(Owner::Stranger(address))
    }

    /// A proxy that is believed connects. What it sends on is many callers', so none of them owns it.
    pub(crate) fn arrive_proxy(&self) -> Option<Seat> {
        self.take(Owner::Proxy)
    }

    fn take(&self, owner: Owner) -> Option<Seat> {
        let mut everybody = self.everybody();
        if let Owner::Stranger(address) = &owner {
            let here = everybody.strangers.get(address);
            if here.is_some_and(|here| here.len() >= self.bounds.strangers_per_address) {
                let oldest = here.and_then(BTreeSet::first).copied();
                everybody.end(oldest);
                self.count(&mut everybody);
            }
        }
        if everybody.all.len() >= self.bounds.total {
            self.count(&mut everybody);
            let dispensable = everybody.most_dispensable();
            if !everybody.end(dispensable) {
                return None;
            }
        }
        let number = everybody.next;
        everybody.next += 1;
        let end = Arc::new(Notify::new());
        everybody.enlist(number, &owner);
        let connected = Connected {
            owner,
            end: Arc::clone(&end),
        };
        everybody.all.insert(number, connected);
        self.show(&everybody);
        Some(Seat(Arc::new(Taken {
            census: self.clone(),
            number,
            end,
        })))
    }

    /// The system has no room for a connection: a stranger makes some.
    pub(crate) fn make_room(&self) {
        let mut everybody = self.everybody();
        let dispensable = everybody.most_dispensable();
        everybody.end(dispensable);
        self.count(&mut everybody);
        self.show(&everybody);
    }

    fn know(&self, number: u64, caller: Caller) {
        let mut everybody = self.everybody();
        let Entry::Occupied(mut known) = everybody.all.entry(number) else {
            return;
        };
        let owner = Owner::Caller(caller);
        if known.get().owner == Owner::Proxy || known.get().owner == owner {
            return;
        }
        let before = std::mem::replace(&mut known.get_mut().owner, owner.clone());
        everybody.strike(number, &before);
        everybody.enlist(number, &owner);
        if let Owner::Caller(caller) = &owner {
            let own = everybody.callers.get(caller);
            if own.is_some_and(|own| own.len() > self.bounds.per_caller) {
                let oldest = own.and_then(BTreeSet::first).copied();
                everybody.end(oldest);
                self.count(&mut everybody);
            }
        }
        self.show(&everybody);
    }

    /// Counts a connection that was ended or refused, and warns at times.
    fn count(&self, everybody: &mut Everybody) {
        self.figures.ended.inc();
        everybody.untold += 1;
        let is_told = everybody
            .warned_at
            .is_some_and(|at| at.elapsed() < WARN_EVERY);
        if !is_told {
            tracing::warn!(
                open = everybody.all.len(),
                callers = everybody.callers.len(),
                addresses = everybody.strangers.len(),
                ended = everybody.untold,
                "too many connections: strangers' were ended or refused so that devices get through"
            );
            everybody.warned_at = Some(Instant::now());
            everybody.untold = 0;
        }
    }

    fn show(&self, everybody: &Everybody) {
        let open = i64::try_from(everybody.all.len()).unwrap_or(i64::MAX);
        self.figures.open.set(open);
    }
}

/// A connection's place. It is free again once the last clone is dropped.
#[derive(Clone)]
pub(crate) struct Seat(Arc<Taken>);

struct Taken {
    census: Census,
    number: u64,
    end: Arc<Notify>,
}

impl Seat {
    /// Somebody proved on this connection who asks.
    pub(crate) fn know(&self, caller: Caller) {
        self.0.census.know(self.0.number, caller);
    }

    /// Waits until the connection must make room.
    pub(crate) async fn ended(&self) {
        self.0.end.notified().await;
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut everybody = self.census.everybody();
        everybody.leave(self.number);
        self.census.show(&everybody);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    const VENUE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7));
    const ELSEWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 9));

    fn census(total: usize, strangers_per_address: usize, per_caller: usize) -> Census {
        let bounds = ConnectionBounds {
            total,
            strangers_per_address,
            per_caller,
        };
        Census::new(bounds, ConnectionFigures::default())
    }

    fn device(number: u16) -> Caller {
        let mut bytes = [0; 16];
        bytes[..2].copy_from_slice(&number.to_be_bytes());
        Caller::Device(DeviceId::from_bytes(bytes))
    }

    fn is_ended(seat: &Seat) -> bool {
        seat.ended().now_or_never().is_some()
    }

    #[test]
    fn the_oldest_stranger_of_an_address_makes_room_for_the_newest() {
        let census = census(100, 2, 4);
        let [first, second, third] = [0; 3].map(|_| census.arrive(VENUE).unwrap());
        let other = census.arrive(ELSEWHERE).unwrap();
        assert!(is_ended(&first));
        assert!(![&second, &third, &other].into_iter().any(is_ended));
    }

    #[test]
    fn devices_behind_one_address_have_as_many_connections_as_they_need() {
        let census = census(2_000, 10, 4);
        let seats: Vec<Seat> = (0..500)
            .flat_map(|number| {
                [0; 3].map(|_| {
                    let seat = census.arrive(VENUE).unwrap();
                    seat.know(device(number));
                    seat
                })
            })
            .collect();
        // Somebody beside them opens what he can.
        let flood: Vec<Seat> = (0..2_000).map(|_| census.arrive(VENUE).unwrap()).collect();
        assert!(!seats.iter().any(is_ended));
        assert_eq!(flood.iter().filter(|seat| !is_ended(seat)).count(), 10);
    }

    #[test]
    fn where_all_is_taken_strangers_go_and_then_nobody_comes() {
        let census = census(3, 10, 4);
        let known = census.arrive(VENUE).unwrap();
        known.know(device(1));
        let strangers = [ELSEWHERE, ELSEWHERE].map(|at| census.arrive(at).unwrap());
        let next = census.arrive(VENUE).unwrap();
        assert!(is_ended(&strangers[0]) && !is_ended(&strangers[1]));
        next.know(device(2));
        let last = census.arrive(VENUE).unwrap();
        last.know(device(3));
        assert!(census.arrive(VENUE).is_none(), "all are known");
        drop(last);
        assert!(census.arrive(VENUE).is_some());
        assert!(!is_ended(&known) && !is_ended(&next));
    }

    #[test]
    fn one_device_has_a_few_connections_and_its_newest_stay() {
        let census = census(100, 10, 2);
        let seats = [0; 3].map(|_| census.arrive(VENUE).unwrap());
        for seat in &seats {
            seat.know(device(1));
            seat.know(device(1));
        }
        assert_eq!(seats.each_ref().map(is_ended), [true, false, false]);
    }

    #[test]
    fn a_proxys_connection_is_nobodys_and_stays() {
        let census = census(2, 1, 1);
        let proxy = census.arrive_proxy().unwrap();
        proxy.know(device(1));
        let second = census.arrive_proxy().unwrap();
        second.know(device(1));
        assert!(census.arrive(VENUE).is_none());
        assert!(!is_ended(&proxy) && !is_ended(&second));
    }

    #[test]
    fn what_left_is_not_remembered() {
        let census = census(10, 2, 2);
        for number in 0..100 {
            let seat = census.arrive(VENUE).unwrap();
            seat.know(device(number));
        }
        let everybody = census.everybody();
        assert!(everybody.all.is_empty() && everybody.strangers.is_empty());
        assert!(everybody.callers.is_empty());
    }
}
