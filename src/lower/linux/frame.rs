//! Frames: whom one reaches from a device, through pairs, bridges and tunnels.
//!
//! Source: `br_forward.c` (`br_flood`), `br_input.c`, `br_device.c`. Knows: link-layer addresses. Must never know: who answers
//! for an address of a message.

use std::collections::{BTreeSet, VecDeque};

use crate::model::linux::{BridgePort, ForwardingEntry, Interface, LinkKind};

use super::stage::{Arrival, Builder, Crossing, Device, Ns, Segment};

/// A frame that leaves by a device, with the bridges it has crossed.
pub(super) type Sent = (Ns, Device, Vec<Crossing>);

/// Whom a frame is for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Frame<'a> {
    /// For everybody on the link.
    All,
    /// For a link-layer address that just spoke: bridges have learnt where it is.
    Heard(&'a str),
    /// For a link-layer address that may never have spoken.
    To(&'a str),
}

impl<'a> Frame<'a> {
    fn mac(self) -> Option<&'a str> {
        match self {
            Self::All => None,
            Self::Heard(mac) | Self::To(mac) => Some(mac),
        }
    }
}

/// Whether a frame leaves by a port that is open to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reaches {
    Yes,
    No,
    /// What was heard at the port before decides.
    Perhaps,
}

/// Whether a frame leaves by a port; `from` is another port, `fixed` what somebody wrote of its destination.
fn reaches(
    frame: Frame<'_>,
    port: &Interface,
    from: Option<Device>,
    fixed: Option<&ForwardingEntry>,
) -> Reaches {
    let (
        heard,
        BridgePort {
            learning, flood, ..
        },
    ) = match frame {
        // Who is to be found has to speak first.
        Frame::All if from.is_some() && !port.port.broadcast => return Reaches::No,
        Frame::All => return Reaches::Yes,
        Frame::Heard(_) => (true, port.port),
        Frame::To(_) => (false, port.port),
    };
    match fixed {
        Some(e) if e.device == port.name => Reaches::Yes,
        Some(e) if e.sticky || e.local || !learning => Reaches::No,
        // An entry moves to where its address speaks.
        None if flood => Reaches::Yes,
        None if !learning => Reaches::No,
        _ if heard => Reaches::Yes,
        _ => Reaches::Perhaps,
    }
}

impl Builder<'_> {
    /// Whom frames reach: all by a broadcast, or those that a link-layer address leads to.
    pub(super) fn flood(&mut self, first: Vec<Sent>, frame: Frame<'_>) -> Segment {
        let mut segment = Segment::default();
        let mut waiting: VecDeque<Sent> = VecDeque::new();
        for sent in first {
            self.leave(sent, frame, &mut waiting, &mut segment);
        }
        let mut seen: BTreeSet<(Ns, Device)> = BTreeSet::new();
        while let Some(sent) = waiting.pop_front() {
            if seen.insert((sent.0, sent.1)) {
                self.transmit(sent, frame, &mut waiting, &mut segment);
            }
        }
        segment
    }

    /// From a device of its own: a bridge sends by its ports.
    fn leave(
        &self,
        (ns, device, crossed): Sent,
        frame: Frame<'_>,
        waiting: &mut VecDeque<Sent>,
        segment: &mut Segment,
    ) {
        let facts = &self.facts[ns];
        if !matches!(facts.interface(device).kind, LinkKind::Bridge { .. }) {
            waiting.push_back((ns, device, crossed));
            return;
        }
        for port in self.ports(ns, device, None, frame, segment) {
            waiting.push_back((ns, port, crossed.clone()));
        }
    }

    /// The ports that a bridge hands a frame to.
    fn ports(
        &self,
        ns: Ns,
        bridge: Device,
        from: Option<Device>,
        frame: Frame<'_>,
        segment: &mut Segment,
    ) -> Vec<Device> {
        let facts = &self.facts[ns];
        let own = facts.interface(bridge);
        if let LinkKind::Bridge {
            vlan_filtering: true,
            ..
        } = own.kind
        {
            segment.strange = Some(format!("bridge {} filters VLANs", own.name));
        }
        let fixed = frame
            .mac()
            .and_then(|mac| facts.entry(&own.name, Some(mac)));
        let fixed = match fixed {
            // The bridge takes what comes in for itself; what it sends goes by the port of the entry.
            Some(e) if e.local && from.is_some() => return Vec::new(),
            entry => entry,
        };
        let mut silent = None;
        let all = facts.ns.interfaces.iter().enumerate();
        let all = all.filter(|(at, port)| {
            let isolated = |d: Device| facts.interface(d).port.isolated;
            let back = from == Some(*at) && !port.port.hairpin;
            let apart = from.is_some_and(|f| f != *at && isolated(f) && isolated(*at));
            let open = port.master.as_deref() == Some(own.name.as_str())
                && port.up
                && port.port.forwarding
                && !back
                && !apart;
            let how = reaches(frame, port, from, fixed);
            if open && how == Reaches::Perhaps {
                silent = Some(port.name.clone());
            }
            open && how == Reaches::Yes
        });
        let all = all.map(|(at, _)| at).collect();
        if let Some(port) = silent {
            let why = format!("port {port} of a bridge: what was heard there before decides");
            segment.strange = Some(why);
        }
        all
    }

    /// Out of a device that is no bridge, and in at the other end.
    fn transmit(
        &mut self,
        (ns, device, crossed): Sent,
        frame: Frame<'_>,
        waiting: &mut VecDeque<Sent>,
        segment: &mut Segment,
    ) {
        let facts = &self.facts[ns];
        let own = facts.interface(device);
        if !own.up {
            return;
        }
        match &own.kind {
            LinkKind::Veth {
                peer: Some((other, index)),
            } => {
                if let Some(at) = self.facts.get(*other).and_then(|f| f.indexed(*index)) {
                    self.arrive(*other, at, crossed, frame, waiting, segment);
                }
            }
            LinkKind::Veth { peer: None } | LinkKind::Physical => {
                segment.open.get_or_insert_with(|| own.name.clone());
            }
            LinkKind::Vxlan { learning, .. } => {
                let name = own.name.clone();
                segment.tunnelled = true;
                if *learning {
                    let why = format!("what {name} has learnt decides");
                    segment.strange.get_or_insert(why);
                    segment.learns |= matches!(frame, Frame::Heard(_));
                }
                for end in self.vxlan_ends(ns, device, frame.mac()) {
                    match end {
                        Ok((other, at)) => {
                            self.arrive(other, at, crossed.clone(), frame, waiting, segment);
                        }
                        Err(next) => {
                            if let Some(why) = next.unmodelled() {
                                segment.strange = Some(format!("{name}: {why}"));
                            }
                        }
                    }
                }
            }
            LinkKind::Other(kind) => {
                segment.strange = Some(format!("device {} is a {kind}", own.name));
            }
            LinkKind::Bridge { .. }
            | LinkKind::Loopback
            | LinkKind::Dummy
            | LinkKind::Tunnel { .. } => {}
        }
    }

    /// In by a device: a port of a bridge hands it on.
    pub(super) fn arrive(
        &self,
        ns: Ns,
        device: Device,
        crossed: Vec<Crossing>,
        frame: Frame<'_>,
        waiting: &mut VecDeque<Sent>,
        segment: &mut Segment,
    ) {
        let facts = &self.facts[ns];
        let own = facts.interface(device);
        if !own.up {
            return;
        }
        let bridge = own.master.as_deref().and_then(|m| facts.device(m));
        if let Some(why) = &self.ridden[ns] {
            segment.strange.get_or_insert_with(|| why.clone());
        }
        let Some(bridge) = bridge else {
            segment.arrivals.push(Arrival {
                ns,
                device,
                crossings: crossed,
            });
            return;
        };
        let LinkKind::Bridge { .. } = facts.interface(bridge).kind else {
            segment.strange = Some(format!(
                "device {} has a master that is no bridge",
                own.name
            ));
            return;
        };
        if !own.port.forwarding || !facts.interface(bridge).up {
            return;
        }
        let crossing = |out: Option<Device>| {
            let mut all = crossed.clone();
            all.push(Crossing {
                ns,
                bridge,
                port: device,
                out,
            });
            all
        };
        segment.arrivals.push(Arrival {
            ns,
            device: bridge,
            crossings: crossing(None),
        });
        let ports = self.ports(ns, bridge, Some(device), frame, segment);
        let mut crossed_ports = std::iter::once(&device).chain(&ports);
        if let Some(strange) = crossed_ports.find_map(|p| facts.strange_at(*p)) {
            // It may also be why somebody is not found.
            segment.strange = Some(strange.what.clone());
        }
        for port in ports {
            waiting.push_back((ns, port, crossing(Some(port))));
        }
    }

    /// The link-layer addresses a device takes frames to: its own, and of a bridge those of its ports.
    pub(super) fn macs(&self, ns: Ns, device: Device) -> Vec<&str> {
        let facts = &self.facts[ns];
        let own = facts.interface(device);
        let ports = facts.ns.interfaces.iter();
        let ports = ports.filter(|p| p.master.as_deref() == Some(own.name.as_str()));
        let all = std::iter::once(own).chain(ports);
        all.filter_map(|i| i.mac.as_deref()).collect()
    }

    /// Whether a device takes frames to a link-layer address.
    pub(super) fn takes(&self, arrival: &Arrival, mac: &str) -> bool {
        self.macs(arrival.ns, arrival.device).contains(&mac)
    }
}
