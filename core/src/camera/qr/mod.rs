//! QR symbols (ISO/IEC 18004:2015): from sampled modules to the text they hold.

mod format;
mod grid;
mod layout;
mod reed_solomon;
mod symbol;
mod text;

pub(in crate::camera) use grid::Grid;
pub(in crate::camera) use layout::{
    FINDER, Layout, MAX_SIDE, MIN_SIDE, VERSIONS, squares, version_number,
};
pub(in crate::camera) use symbol::read;
