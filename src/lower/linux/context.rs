//! What is known of a message at a stage: a conjunction of a match and a connection state.
//!
//! Knows: how two of them meet, and what one adds to another. Must never know: rules, chains, stages.

use ipnet::IpNet;

use crate::model::cluster::Match;
use crate::model::inet::{Family, PortSet, Protocol};
use crate::network::fib::State;

/// What is known of a message.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub(super) struct Context {
    /// Of its header.
    pub(super) matches: Match,
    /// Of its connection.
    pub(super) state: Option<State>,
}

impl Context {
    /// Source in a prefix.
    pub(super) fn from(net: IpNet) -> Self {
        let from = Some(net);
        Self::of(Match {
            from,
            ..Match::default()
        })
    }

    /// Destination in a prefix.
    pub(super) fn to(net: IpNet) -> Self {
        let to = Some(net);
        Self::of(Match {
            to,
            ..Match::default()
        })
    }

    /// Of this protocol.
    pub(super) fn protocol(protocol: Protocol) -> Self {
        Self::of(Match {
            protocol: Some(protocol),
            ..Match::default()
        })
    }

    /// A match, whatever the state.
    pub(super) fn of(matches: Match) -> Self {
        Self {
            matches,
            state: None,
        }
    }

    /// In this state.
    pub(super) fn state(state: State) -> Self {
        Self {
            matches: Match::default(),
            state: Some(state),
        }
    }

    /// Both; none where no message is both.
    pub(super) fn meet(&self, other: &Self) -> Option<Self> {
        let (a, b) = (&self.matches, &other.matches);
        Some(Self {
            matches: Match {
                from: both(a.from, b.from, narrower)?,
                from_ports: ports(a.from_ports.as_ref(), b.from_ports.as_ref())?,
                to: both(a.to, b.to, narrower)?,
                to_ports: ports(a.to_ports.as_ref(), b.to_ports.as_ref())?,
                protocol: both(a.protocol, b.protocol, equal)?,
            },
            state: both(self.state, other.state, equal)?,
        })
    }

    /// What of this is not known already: where `known` holds, the result and `self` are the same.
    pub(super) fn beyond(&self, known: &Self) -> Self {
        fn new<T: PartialEq + Clone>(mine: Option<&T>, known: Option<&T>) -> Option<T> {
            mine.filter(|_| mine != known).cloned()
        }
        let (a, b) = (&self.matches, &known.matches);
        Self {
            matches: Match {
                from: new(a.from.as_ref(), b.from.as_ref()),
                from_ports: new(a.from_ports.as_ref(), b.from_ports.as_ref()),
                to: new(a.to.as_ref(), b.to.as_ref()),
                to_ports: new(a.to_ports.as_ref(), b.to_ports.as_ref()),
                protocol: new(a.protocol.as_ref(), b.protocol.as_ref()),
            },
            state: new(self.state.as_ref(), known.state.as_ref()),
        }
    }
}

/// All addresses of a family.
pub(super) fn whole(family: Family) -> IpNet {
    let any = family.loopback();
    IpNet::new(any, 0).map_or(IpNet::from(any), |net| net.trunc())
}

#[expect(clippy::option_option, reason = "no message, and no condition")]
fn both<T: Copy>(a: Option<T>, b: Option<T>, meet: fn(T, T) -> Option<T>) -> Option<Option<T>> {
    match (a, b) {
        (Some(a), Some(b)) => meet(a, b).map(Some),
        (a, b) => Some(a.or(b)),
    }
}

fn narrower(a: IpNet, b: IpNet) -> Option<IpNet> {
    if a.contains(&b) {
        Some(b.trunc())
    } else {
        b.contains(&a).then(|| a.trunc())
    }
}

fn equal<T: PartialEq + Copy>(a: T, b: T) -> Option<T> {
    (a == b).then_some(a)
}

#[expect(clippy::option_option, reason = "no message, and no condition")]
fn ports(a: Option<&PortSet>, b: Option<&PortSet>) -> Option<Option<PortSet>> {
    let (Some(a), Some(b)) = (a, b) else {
        return Some(a.or(b).cloned());
    };
    let each = a.ranges().iter().flat_map(|x| {
        let meet = |y: &(u16, u16)| (x.0.max(y.0), x.1.min(y.1));
        b.ranges().iter().map(meet)
    });
    let met = PortSet::of(each);
    (!met.ranges().is_empty()).then_some(Some(met))
}
