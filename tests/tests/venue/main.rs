//! Whole-venue tests: the real server in process, real devices over TCP, one module a subject.

mod changes;
mod cuts;
mod enrolling;
mod isolation;
mod property;
mod restores;
mod sessions;
mod staff;
