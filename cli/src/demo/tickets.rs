//! The codes of the story: which tickets people hold up, and what is wrong with some.

use super::house::{FIRST, House, Offer, SECOND, code};
use super::shop::{List, Shop};
use crate::error::CliError;
use crate::shell::new_seed;
use fastrand::Rng;
use usher_domain::api::tickets::Ticket;
use usher_domain::code::base45;
use usher_domain::code::usher::{PREFIX, TicketCode, issue};
use usher_domain::cose::SigningKey;
use usher_domain::numbers::{IssueNumber, TypeNumber};
use usher_domain::secret::Private;

/// Everything that is held up before the network comes back.
#[derive(Debug)]
pub struct Tickets {
    /// People with good tickets of the shop, at the north gate.
    pub north_crowd: Vec<Private>,
    /// The same at the south gate.
    pub south_crowd: Vec<Private>,
    /// A good signed code for the north gate.
    pub north: Private,
    /// A good signed code for the south gate.
    pub south: Private,
    /// A pass.
    pub pass: Private,
    /// Names a real ticket, signed by a stranger.
    pub forged: Private,
    /// A real code of which one byte was changed.
    pub tampered: Private,
    /// A barcode that looks like the shop's.
    pub invented: Private,
    /// Given back to the shop before the list was exported.
    pub given_back: Private,
    /// Sold and cancelled by the box office.
    pub cancelled: Private,
    /// The code that was replaced.
    pub replaced: Private,
    /// The code in its place.
    pub replacing: Private,
    /// For the second night only.
    pub second_night: Private,
    /// For the zone behind the north gate only.
    pub hall: Private,
    /// For the zone behind the south gate only.
    pub balcony: Private,
    /// Held up at both gates: a signed code, a barcode and a pass.
    pub shared: [Private; 3],
    /// Held up while all gates, all but one and one alone are online.
    pub sure: [Private; 3],
    /// Will be cancelled while the gates are cut off, and comes after that.
    pub leaver: Ticket,
    /// Will be cancelled while the gates are cut off, and comes before they hear of it.
    pub quick: Ticket,
}

/// How many tickets there are once the box office sold its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Sold by the box office.
    pub box_office: u32,
    /// Rows of the first night's set.
    pub first: u64,
    /// Rows of the second night's.
    pub second: u64,
}

/// The box office at work.
struct BoxOffice<'a> {
    house: &'a House,
    sold: Counts,
}

impl BoxOffice<'_> {
    async fn sell(&mut self, offer: Offer) -> Result<Ticket, CliError> {
        self.sold.box_office += 1;
        let (first, second) = match offer {
            Offer::Night(SECOND) => (0, 1),
            Offer::Night(_) | Offer::Zone(_) => (1, 0),
            Offer::Pass => (1, 1),
        };
        self.sold.first += first;
        self.sold.second += second;
        let number = format!("B-{:04}", self.sold.box_office);
        self.house.sell(offer, &number).await
    }

    async fn code(&mut self, offer: Offer) -> Result<Private, CliError> {
        code(&self.sell(offer).await?)
    }
}

impl Tickets {
    /// Sells what the story needs and spoils some of it. Tells how many tickets each night has then,
    /// those of the shop's lists included.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn sell(
        house: &House,
        shop: &mut Shop,
        [both, second]: [&List; 2],
        rng: &mut Rng,
    ) -> Result<(Self, Counts), CliError> {
        let mut barcodes: Vec<&Private> = both.barcodes(false).collect();
        rng.shuffle(&mut barcodes);
        let crowd = (both.sales.len() / 40).clamp(4, 20);
        let mut shop_sold = barcodes.into_iter().cloned();
        let mut take = |count| shop_sold.by_ref().take(count).collect::<Vec<_>>();
        let (north_crowd, south_crowd, shared) = (take(crowd), take(crowd), take(1).pop());
        let missing = CliError::Missing("the shop's list is too short for the story");
        let (Some(shared), Some(shared_pass), Some(given_back)) = (
            shared,
            both.barcodes(true).next().cloned(),
            both.given_back().next().cloned(),
        ) else {
            return Err(missing);
        };
        let mut office = BoxOffice {
            house,
            sold: Counts {
                box_office: 0,
                first: both.sales.len() as u64,
                second: (second.sales.len() + both.passes()) as u64,
            },
        };
        let night = Offer::Night(FIRST);
        let cancelled = office.sell(night).await?;
        house.cancel(&cancelled).await?;
        let replaced = office.sell(night).await?;
        let replacing = house.reissue(&replaced).await?;
        let victim = office.sell(night).await?;
        let tickets = Self {
            north_crowd,
            south_crowd,
            north: office.code(night).await?,
            south: office.code(night).await?,
            pass: office.code(Offer::Pass).await?,
            forged: forged(&victim)?,
            tampered: tampered(&code(&victim)?, rng)?,
            invented: shop.barcode(),
            given_back,
            cancelled: code(&cancelled)?,
            replaced: code(&replaced)?,
            replacing: code(&replacing)?,
            second_night: office.code(Offer::Night(SECOND)).await?,
            hall: office.code(Offer::Zone("hall")).await?,
            balcony: office.code(Offer::Zone("balcony")).await?,
            sure: [
                office.code(night).await?,
                office.code(night).await?,
                office.code(night).await?,
            ],
            shared: [office.code(night).await?, shared, shared_pass],
            leaver: office.sell(night).await?,
            // The last sales: when they are in a signed set, so is everything before.
            quick: office.sell(night).await?,
        };
        Ok((tickets, office.sold))
    }
}

/// A code that says what a real ticket's says, signed by a key that nobody delegated.
fn forged(ticket: &Ticket) -> Result<Private, CliError> {
    let says = TicketCode {
        ticket: ticket.id,
        access: ticket.access,
        issue: IssueNumber::new(1),
        type_number: TypeNumber::new(1),
        not_before: None,
        not_after: None,
    };
    let stranger = SigningKey::from_seed(&new_seed()?);
    Ok(Private::new(issue(&says, &stranger).reveal()))
}

/// A code with one bit of its signature turned over.
fn tampered(code: &Private, rng: &mut Rng) -> Result<Private, CliError> {
    const SIGNATURE: usize = 64;
    let body = code.reveal().strip_prefix(PREFIX);
    let body = body.ok_or(CliError::Missing("a sold ticket has no signed code"))?;
    let mut bytes = base45::decode(body).map_err(CliError::invalid)?;
    let back = rng.usize(1..=SIGNATURE);
    let place = bytes.len().checked_sub(back);
    if let Some(byte) = place.and_then(|place| bytes.get_mut(place)) {
        *byte ^= 1 << rng.u8(..8);
    }
    Ok(Private::new(format!("{PREFIX}{}", base45::encode(&bytes))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tampered_code_differs_in_few_characters_and_is_as_long() {
        let signed = format!("{PREFIX}{}", base45::encode(&[7; 110]));
        let spoiled = tampered(&Private::new(signed.as_str()), &mut Rng::with_seed(1)).unwrap();
        let other = signed.chars().zip(spoiled.reveal().chars());
        let differing = other.filter(|(a, b)| a != b).count();
        assert_eq!(spoiled.reveal().len(), signed.len());
        assert!((1..=3).contains(&differing), "{differing}");
    }
}
