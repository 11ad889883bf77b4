//! What the tables say of pods, nodes and their processes, and from which addresses these send.
//!
//! Must never know: what stages do, formulas, the solver.

use crate::model::cluster::{Bind, Match};
use crate::model::inet::IpNet;
use crate::network::graph::Sources;

use super::{Describer, Row, word};
use crate::verify::alike::frames::Stop;

impl Describer<'_, '_> {
    pub(super) fn processes(&mut self) -> Result<(), Stop> {
        for process in &self.frames.network.processes {
            // Of hosts outside, only what they say of pods and nodes is told.
            let owner = self.frames.units.unit(process.id);
            let mut name = Vec::new();
            self.process(process.id, owner, None, &mut name)?;
            let mut item = vec![word::PROCESS];
            item.extend(&name);
            self.target(process.switch, owner, None, &mut item)?;
            self.target(process.socket, owner, None, &mut item)?;
            self.put(owner, None, item);
            let mut item = vec![word::SOURCES];
            item.extend(&name);
            match &process.sources {
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
        for row in &structure.open {
            let owner = self.frames.units.unit(row.process);
            let mut item = vec![word::OPEN];
            self.process(row.process, owner, None, &mut item)?;
            item.extend([u64::from(row.low), u64::from(row.high)]);
            item.push(row.protocol.map_or(0, |p| p as u64 + 1));
            match row.bind {
                Bind::Any => item.push(10),
                Bind::AnyV4 => item.push(11),
                Bind::AnyV6 => item.push(12),
                Bind::Address(ip) => self.place(IpNet::from(ip), owner, None, &mut item)?,
            }
            self.put(owner, None, item);
        }
        for (process, port, protocol) in &structure.serves {
            let owner = self.frames.units.unit(*process);
            if owner.is_some() {
                let mut item = vec![word::SERVES, u64::from(*port), *protocol as u64];
                self.process(*process, owner, None, &mut item)?;
                self.put(owner, None, item);
            }
        }
        for unit in self.frames.units.ordinary() {
            let id = self.frames.units.ids[unit.0 as usize];
            if structure.pending.binary_search(&id).is_ok() {
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
