//! Homes that go: one of their tickets is let in elsewhere, and shown to them when nobody reaches them.

use super::world::World;
use std::rc::Rc;

impl World {
    /// A ticket is sold; its home signs off, and is gone or back on duty when it is let in elsewhere. Then the
    /// home is cut off, and the ticket, or a copy of it, is shown there.
    pub(super) async fn home_goes(self: &Rc<Self>, number: usize) {
        let ticket = self.memory.borrow().tickets.len();
        self.sell_at_home(self.devices[number].id).await;
        if self.memory.borrow().tickets.len() == ticket {
            return;
        }
        self.seal().await;
        let others = self.devices.len() - 1;
        let elsewhere = number + 1 + self.dice.borrow_mut().usize(..others);
        let elsewhere = elsewhere % self.devices.len();
        let shown = self.draw(800, 4_000);
        self.show_later(elsewhere, ticket, shown);
        let (back, cut) = if self.chance(2) == 0 {
            let cut = (shown + self.draw(0, 1_000)).saturating_sub(500);
            (cut + self.draw(5_000, 20_000), cut)
        } else {
            // The other gate has its answer, and nobody has its record when the home comes back.
            self.cut_off_for_a_while(elsewhere, shown + self.draw(40, 400));
            let back = (shown + self.draw(0, 1_500)).saturating_sub(300);
            (back, back + self.draw(300, 2_500))
        };
        let ticket_name = &self.memory.borrow().tickets[ticket].name;
        self.story.tell(
            self.devices[number].name,
            format_args!("its people leave for {back} ms; {ticket_name} comes here and elsewhere"),
        );
        self.sign_off(number, back);
        self.cut_off_for_a_while(number, cut);
        self.show_later(number, ticket, cut + self.draw(100, 900));
    }
}
