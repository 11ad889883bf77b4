//! What the tables say of pods, nodes and their processes, and from which addresses these send.
//!
//! Must never know: what stages do, formulas, the solver.

use crate::logic::structure::{OpenRow, Structure};
use crate::model::cluster::{Bind, Match};
use crate::model::inet::IpNet;
use crate::network::graph::{Endpoint, Sources};

use super::{Describer, Row, word};
use crate::verify::alike::frames::Stop;

impl Describer<'_, '_> {
    pub(super) fn processes(&mut self, all: &[Endpoint]) -> Result<(), Stop> {
        for process in all {
            let Endpoint {
                id,
                switch,
                socket,
                sources,
            } = process;
            // Of hosts outside, only what they say of pods and nodes is told.
            let owner = self.frames.units.unit(*id);
            let mut name = Vec::new();
            self.process(*id, owner, None, &mut name)?;
            let mut item = vec![word::PROCESS];
            item.extend(&name);
            for (from, to) in [(*id, *switch), (*socket, *id)] {
                item.push(u64::from(self.frames.network.link(from, to)));
            }
            self.target(*switch, owner, None, &mut item)?;
            self.target(*socket, owner, None, &mut item)?;
            self.put(owner, None, item);
            let mut item = vec![word::SOURCES];
            item.extend(&name);
            match sources {
                Sources::Selected(rows) => {
                    let rows = rows.iter().map(|(net, sources)| {
                        let matches = Match {
                            to: Some(*net),
                            ..Match::default()
                        };
                        let holder = self.frames.places.place(*net).unit();
                        let other = holder.filter(|h| !self.frames.covered(*h, owner));
                        let row = Row {
                            matches,
                            rule: None,
                            sources,
                        };
                        (row, other, [None, holder])
                    });
                    let rows: Vec<_> = rows.collect();
                    self.list(&rows, None, (owner, None), item)?;
                }
                Sources::Own(sources) => {
                    for ip in sources {
                        self.place(IpNet::from(*ip), owner, None, &mut item)?;
                    }
                    self.put(owner, None, item);
                }
                Sources::Within(_) if owner.is_none() => {}
                Sources::Within(_) | Sources::Free => {
                    return Err(Stop::Why(
                        "a pod or node sends from addresses that are not its own",
                    ));
                }
            }
        }
        Ok(())
    }

    /// What the tables say of each.
    pub(super) fn tables(&mut self) -> Result<(), Stop> {
        let structure = self.structure;
        let Structure {
            // Told in `Units`.
            entities: _,
            // Whose addresses are where is told by `Places::shape`.
            addr: _,
            pending,
            host,
            open,
            serves,
            // As in the network, of which stages are told.
            link: _,
            // There are none, or this is not asked.
            service_port: _,
            endpoint: _,
            offered: _,
            selected: _,
            listed: _,
            policies: _,
            // As in the network.
            held: _,
            // What is whole has none.
            known_ports: _,
        } = structure;
        for (node, of) in host {
            let owner = self.frames.units.unit(*of);
            let mut item = match self.frames.units.unit(*node) {
                Some(node) => vec![word::HOST, 1, self.role(node, owner, None)?],
                None => vec![word::HOST, 2, u64::from(node.0)],
            };
            self.process(*of, owner, None, &mut item)?;
            self.put(owner, None, item);
        }
        for row in open {
            let OpenRow {
                process,
                bind,
                low,
                high,
                protocol,
            } = row;
            let owner = self.frames.units.unit(*process);
            let mut item = vec![word::OPEN];
            self.process(*process, owner, None, &mut item)?;
            item.extend([u64::from(*low), u64::from(*high)]);
            item.push(protocol.map_or(0, |p| p as u64 + 1));
            match bind {
                Bind::Any => item.push(10),
                Bind::AnyV4 => item.push(11),
                Bind::AnyV6 => item.push(12),
                Bind::Address(ip) => self.place(IpNet::from(*ip), owner, None, &mut item)?,
            }
            self.put(owner, None, item);
        }
        for (process, address, port, protocol) in serves {
            let owner = self.frames.units.unit(*process);
            if owner.is_some() {
                let mut item = vec![word::SERVES, u64::from(*port), *protocol as u64];
                self.process(*process, owner, None, &mut item)?;
                self.place(IpNet::from(*address), owner, None, &mut item)?;
                self.put(owner, None, item);
            }
        }
        for unit in self.frames.units.ordinary() {
            let id = self.frames.units.ids[unit.0 as usize];
            if pending.binary_search(&id).is_ok() {
                self.put(Some(unit), None, vec![word::PENDING]);
            }
            let home = self.frames.units.home(unit);
            let mut item = vec![word::SHAPE, u64::from(home.is_some())];
            // On a special node, on that one.
            let fixed = home.filter(|h| self.frames.units.is_special(*h));
            item.push(fixed.map_or(0, |h| u64::from(h.0) + 1));
            for text in self.frames.places.shape(unit, structure) {
                item.push(self.texts.of(text));
            }
            self.put(Some(unit), None, item);
        }
        Ok(())
    }
}
