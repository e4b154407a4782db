//! A ticket shop with invented customers: it writes attendee lists as Eventbrite exports them.

use crate::error::CliError;
use fastrand::Rng;
use std::collections::BTreeSet;
use usher_domain::secret::Private;

/// Name of the pass for both nights.
pub const PASS: &str = "Weekend pass";

const FIRST: [&str; 24] = [
    "Ada", "Béla", "Chidi", "Dunja", "Emre", "Fátima", "Greta", "Hiro", "Ines", "Jānis", "Kofi",
    "Lucía", "Maël", "Noor", "Olga", "Priya", "Quirin", "Rosa", "Søren", "Tariq", "Ulla", "Vikram",
    "Wanda", "Zoë",
];
const LAST: [&str; 24] = [
    "Abebe",
    "Brandt",
    "Castillo",
    "Dvořák",
    "Eriksen",
    "Fofana",
    "García",
    "Horváth",
    "Ivanova",
    "Janssen",
    "Kowalski",
    "Lindqvist",
    "Müller",
    "Nakamura",
    "Okafor",
    "Petit",
    "Quist",
    "Rossi",
    "Szabó",
    "Tanaka",
    "Usman",
    "Varga",
    "Weiß",
    "Yılmaz",
];

/// What the shop sold a ticket for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sold {
    /// One night.
    Single(&'static str),
    /// Both nights.
    Pass,
}

/// Whether the shop's customer comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Paid and coming.
    Attending,
    /// Given back.
    NotAttending,
}

/// One ticket of a list.
#[derive(Debug, Clone)]
pub struct Sale {
    /// What its barcode says.
    pub barcode: Private,
    /// What it is for.
    pub sold: Sold,
    /// Whether it counts.
    pub standing: Standing,
}

/// An attendee list.
#[derive(Debug)]
pub struct List {
    /// The file's content.
    pub csv: Vec<u8>,
    /// What it says.
    pub sales: Vec<Sale>,
}

impl List {
    /// Barcodes of tickets that count, of one night or of passes.
    pub fn barcodes(&self, passes: bool) -> impl Iterator<Item = &Private> {
        let wanted = move |sale: &&Sale| {
            sale.standing == Standing::Attending && (sale.sold == Sold::Pass) == passes
        };
        self.sales.iter().filter(wanted).map(|sale| &sale.barcode)
    }

    /// Barcodes of tickets that were given back.
    pub fn given_back(&self) -> impl Iterator<Item = &Private> {
        let back = |sale: &&Sale| sale.standing == Standing::NotAttending;
        self.sales.iter().filter(back).map(|sale| &sale.barcode)
    }

    /// Passes in it, given back ones included.
    #[must_use]
    pub fn passes(&self) -> usize {
        let pass = |sale: &&Sale| sale.sold == Sold::Pass;
        self.sales.iter().filter(pass).count()
    }
}

/// A shop.
pub struct Shop {
    rng: Rng,
    order: u64,
    barcodes: BTreeSet<String>,
}

impl Shop {
    /// A shop whose customers follow from the seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            rng: Rng::with_seed(seed),
            order: 4_100_000_000,
            barcodes: BTreeSet::new(),
        }
    }

    /// Sells `tickets` and writes the list: each fifth a pass if there are passes, each hundredth given
    /// back.
    ///
    /// # Errors
    /// [`CliError`] if the list cannot be written, which memory always can.
    pub fn list(&mut self, tickets: u32, passes: bool) -> Result<List, CliError> {
        let mut csv = csv::Writer::from_writer(Vec::new());
        csv.write_record([
            "Order #",
            "Order Date",
            "First Name",
            "Last Name",
            "Email",
            "Quantity",
            "Ticket Type",
            "Attendee #",
            "Barcode #",
            "Attendee Status",
        ])
        .map_err(CliError::invalid)?;
        let mut sales = Vec::new();
        for number in 1..=tickets {
            if number == 1 || self.rng.u8(..3) > 0 {
                self.order += self.rng.u64(1..900);
            }
            let sold = match (passes, number % 5, self.rng.u8(..4)) {
                (true, 0, _) => Sold::Pass,
                (_, _, 0) => Sold::Single("Seated"),
                _ => Sold::Single("General admission"),
            };
            let standing = if number % 100 == 33 {
                Standing::NotAttending
            } else {
                Standing::Attending
            };
            let sale = Sale {
                barcode: self.barcode(),
                sold,
                standing,
            };
            csv.write_record(self.line(number, &sale))
                .map_err(CliError::invalid)?;
            sales.push(sale);
        }
        let csv = csv.into_inner().map_err(CliError::invalid)?;
        Ok(List { csv, sales })
    }

    /// A barcode that no ticket has. As the shop's are: the order's number and more digits, here enough
    /// that nobody guesses one.
    pub fn barcode(&mut self) -> Private {
        loop {
            let rest: String = (0..22).map(|_| self.rng.digit(10)).collect();
            let barcode = format!("{}{rest}", self.order);
            if self.barcodes.insert(barcode.clone()) {
                return Private::new(barcode);
            }
        }
    }

    fn line(&mut self, number: u32, sale: &Sale) -> [String; 10] {
        let (first, last) = (
            self.rng.choice(FIRST).unwrap_or_default(),
            self.rng.choice(LAST).unwrap_or_default(),
        );
        let kind = match sale.sold {
            Sold::Single(kind) => kind,
            Sold::Pass => PASS,
        };
        let status = match sale.standing {
            Standing::Attending => "Attending",
            Standing::NotAttending => "Not Attending",
        };
        let day = self.rng.u8(1..29);
        [
            self.order.to_string(),
            format!("2026-09-{day:02} 12:00:00"),
            first.to_owned(),
            last.to_owned(),
            format!("guest{number}@example.org"),
            "1".to_owned(),
            kind.to_owned(),
            format!("{}{number:05}", self.order),
            sale.barcode.reveal().to_owned(),
            status.to_owned(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_writes_the_same_list_and_another_seed_another() {
        let list = |seed| Shop::new(seed).list(50, true).unwrap().csv;
        assert_eq!(list(1), list(1));
        assert_ne!(list(1), list(2));
    }

    #[test]
    fn a_list_has_passes_only_where_they_are_sold_and_every_hundredth_comes_back() {
        let mut shop = Shop::new(7);
        let (both, second) = (
            shop.list(200, true).unwrap(),
            shop.list(100, false).unwrap(),
        );
        assert_eq!((both.passes(), second.passes()), (40, 0));
        assert_eq!(
            (both.barcodes(true).count(), both.barcodes(false).count()),
            (40, 158)
        );
        assert_eq!(both.given_back().count(), 2);
    }
}
