//! `docs/protocol.md` shows bytes. Here they are made again, from fixed keys and by the code itself, and
//! compared; with `USHER_BLESS=1` in the environment they are written anew instead.

#[cfg(test)]
mod claims;
#[cfg(test)]
mod diagnostic;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod exchange;
#[cfg(test)]
mod live;
#[cfg(test)]
mod media;
#[cfg(test)]
mod page;
#[cfg(test)]
mod records;
#[cfg(test)]
mod tables;
#[cfg(test)]
mod world;
