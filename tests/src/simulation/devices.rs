//! The devices of an evening: those that are there from the beginning, and one that may be enrolled while it
//! lasts.

use super::device::Device;
use std::cell::OnceCell;
use std::iter::Chain;
use std::ops::Index;
use std::rc::Rc;
use std::{option, slice};

/// The devices, each with a number from 0 on.
pub(super) struct Devices {
    first: Vec<Rc<Device>>,
    newcomer: OnceCell<Rc<Device>>,
}

impl Devices {
    /// Those that are there from the beginning.
    pub(super) const fn of(first: Vec<Rc<Device>>) -> Self {
        Self {
            first,
            newcomer: OnceCell::new(),
        }
    }

    /// One more is there from now on; one only in an evening.
    pub(super) fn add(&self, device: Rc<Device>) -> &Rc<Device> {
        self.newcomer.get_or_init(|| device)
    }

    pub(super) fn iter(&self) -> Chain<slice::Iter<'_, Rc<Device>>, option::IntoIter<&Rc<Device>>> {
        self.first.iter().chain(self.newcomer.get())
    }

    pub(super) fn len(&self) -> usize {
        self.iter().count()
    }
}

impl Index<usize> for Devices {
    type Output = Rc<Device>;

    fn index(&self, number: usize) -> &Rc<Device> {
        self.iter().nth(number).unwrap()
    }
}

impl<'d> IntoIterator for &'d Devices {
    type Item = &'d Rc<Device>;
    type IntoIter = Chain<slice::Iter<'d, Rc<Device>>, option::IntoIter<&'d Rc<Device>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
