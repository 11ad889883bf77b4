//! To whom a message is headed, by its destination alone.
//!
//! Must never know: FIBs, formulas, why it is asked.

use crate::model::entity::EntityKind;
use crate::smt::term::TermId;

use super::encoder::Encoder;
use super::header::SymHeader;

impl Encoder<'_> {
    /// Whether the destination is localhost, or an address of an entity of these kinds; of a Service, at one of its ports.
    pub fn is_headed_to(&mut self, header: SymHeader, kinds: &[EntityKind]) -> TermId {
        let structure = self.structure;
        let to = header.destination();
        let mut all = vec![self.in_loopback(to)];
        for (id, net) in &structure.addr {
            let kind = structure.entities[id.index()].kind();
            if !kinds.contains(&kind) {
                continue;
            }
            let here = self.is_address(to, net.addr());
            if kind != EntityKind::Service {
                all.push(here);
                continue;
            }
            for (_, port, protocol) in structure.service_port.iter().filter(|row| row.0 == *id) {
                let protocol = self.protocol(*protocol);
                let parts = [
                    here,
                    self.in_range(header.destination_port, *port, *port),
                    self.pool.eq(header.protocol, protocol),
                ];
                all.push(self.pool.and(&parts));
            }
        }
        self.pool.or(&all)
    }
}
