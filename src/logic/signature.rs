//! The table of predicates: how each is spelled, what it takes, what it means.
//!
//! The one place for `kubeproof list predicates`, the checker and its "did you mean".
//! Must never know: how facts are found, the solver.

use super::formula::{Predicate, Sort};

/// What stands at one place of a predicate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parameter {
    /// A term of a sort, or `_` unless the sort is event.
    Term(Sort),
    /// A term of a sort; `_` has no meaning here.
    Named(Sort),
    /// A string.
    Text,
}

/// What an atom becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// A predicate on exactly these arguments.
    Predicate(Predicate),
    /// `K8s-Container(C)`: the second argument is `_`.
    ContainerOfSome,
    /// `label(E, "k")` or `label(E, "k", "v")`.
    Label,
    /// `namespace(E, "n")`, or `namespace(E)`.
    Namespace,
    /// `namespace-label(E, "k")` or `namespace-label(E, "k", "v")`.
    NamespaceLabel,
    /// `workload(E, "kind", "name")`.
    Workload,
    /// `other-label(E, F, "k")`.
    OtherLabel,
    /// `named-port(E, "name", p, proto)`.
    NamedPort,
}

/// One form of a predicate; a predicate with two forms has two rows.
#[derive(Debug, Clone, Copy)]
pub struct Signature {
    /// Its name as spelled.
    pub name: &'static str,
    /// As it is written, with names that tell the arguments.
    pub form: &'static str,
    /// What it takes.
    pub parameters: &'static [Parameter],
    /// What an atom becomes.
    pub meaning: Meaning,
    /// What it says, in a line.
    pub says: &'static str,
}

use Parameter::{Named, Term, Text};
use Sort::{Address, Entity, Event, Port, Protocol};

const ONE_ENTITY: &[Parameter] = &[Term(Entity)];
const TWO_ENTITIES: &[Parameter] = &[Term(Entity), Term(Entity)];
const ENTITY_ADDRESS: &[Parameter] = &[Term(Entity), Term(Address)];
const ONE_ADDRESS: &[Parameter] = &[Term(Address)];
const ONE_EVENT: &[Parameter] = &[Term(Event)];
const EVENT_TARGET: &[Parameter] = &[Named(Event), Named(Address), Named(Port)];
const HEADER: &[Parameter] = &[
    Term(Event),
    Term(Entity),
    Term(Address),
    Term(Port),
    Term(Address),
    Term(Port),
];

const fn row(
    name: &'static str,
    form: &'static str,
    parameters: &'static [Parameter],
    predicate: Predicate,
    says: &'static str,
) -> Signature {
    Signature {
        name,
        form,
        parameters,
        meaning: Meaning::Predicate(predicate),
        says,
    }
}

/// All forms of all predicates.
#[rustfmt::skip]
pub const SIGNATURES: &[Signature] = &[
    row("K8s-Pod", "K8s-Pod(P)", ONE_ENTITY, Predicate::Pod, "P is a pod with a network of its own"),
    row("K8s-Node", "K8s-Node(N)", ONE_ENTITY, Predicate::Node, "N is a node"),
    row("K8s-Service", "K8s-Service(S)", ONE_ENTITY, Predicate::Service, "S is a Service"),
    row("K8s-Daemon", "K8s-Daemon(D)", ONE_ENTITY, Predicate::Daemon, "D is a process of a node"),
    row("K8s-Container", "K8s-Container(C, P)", TWO_ENTITIES, Predicate::Container, "container C executes in the context of pod P"),
    Signature {
        name: "K8s-Container",
        form: "K8s-Container(C)",
        parameters: ONE_ENTITY,
        meaning: Meaning::ContainerOfSome,
        says: "C is a container of some pod",
    },
    row("External", "External(X)", ONE_ENTITY, Predicate::External, "X is a host outside the cluster"),
    row("Process", "Process(X)", ONE_ENTITY, Predicate::Process, "X sends and receives: a container, a daemon, an external"),
    row("Switch", "Switch(X)", ONE_ENTITY, Predicate::Switch, "X forwards by a FIB: a pod, a node, the outside"),
    row("Pending", "Pending(P)", ONE_ENTITY, Predicate::Pending, "pod P is not started yet and has no address"),
    row("addr", "addr(E, a)", ENTITY_ADDRESS, Predicate::Addr, "E is dialled at address a"),
    row("self", "self(E, a)", ENTITY_ADDRESS, Predicate::SelfAddr, "E sees address a on its own interfaces"),
    row("host", "host(N, X)", TWO_ENTITIES, Predicate::Host, "node N hosts pod or daemon X"),
    row("open", "open(X, p)", &[Term(Entity), Term(Port)], Predicate::OpenEverywhere, "process X listens on port p of every address, TCP"),
    row("open", "open(X, a, p, proto)", &[Term(Entity), Term(Address), Term(Port), Term(Protocol)], Predicate::Open, "process X listens on port p of address a"),
    row("serves", "serves(X, a, p, proto)", &[Term(Entity), Term(Address), Term(Port), Term(Protocol)], Predicate::Serves, "process X, or another one of its pod or node, listens on port p of a, an address at which others dial it"),
    row("shares-family", "shares-family(E, a)", ENTITY_ADDRESS, Predicate::SharesFamily, "E, or the pod or node of process E, has an address of the family of a: IPv4, or IPv6"),
    row("link", "link(X, Y)", TWO_ENTITIES, Predicate::Link, "X may hand a message to Y"),
    row("port", "port(S, p, proto)", &[Term(Entity), Term(Port), Term(Protocol)], Predicate::ServicePort, "Service S offers port p"),
    row("endpoint", "endpoint(S, p, P, a, tp)", &[Term(Entity), Term(Port), Term(Entity), Term(Address), Term(Port)], Predicate::Endpoint, "pod P at a:tp is an endpoint of port p of Service S (or of pod S = P, for a hostPort), for some protocol"),
    row("endpoint", "endpoint(S, p, proto, P, a, tp)", &[Term(Entity), Term(Port), Term(Protocol), Term(Entity), Term(Address), Term(Port)], Predicate::EndpointOf, "pod P at a:tp is an endpoint of port p of Service S, for this protocol"),
    row("endpoint", "endpoint(S, p, proto, N, P, a, tp)", &[Term(Entity), Term(Port), Term(Protocol), Term(Entity), Term(Entity), Term(Address), Term(Port)], Predicate::EndpointFor, "the same, and clients of node N (or: client N, a pod or daemon of a node) that dial a cluster address of S are sent to it"),
    row("offered", "offered(E, ep, a, p, proto)", &[Term(Entity), Term(Port), Term(Address), Term(Port), Term(Protocol)], Predicate::Offered, "who dials a:p means port ep of E: a Service (cluster address, port of a node, external address) or a pod (hostPort)"),
    row("selected", "selected(S, P, a)", &[Term(Entity), Term(Entity), Term(Address)], Predicate::Selected, "the selector of S, whose EndpointSlices are given, means pod P at a (or a pod in the network of node P)"),
    row("listed", "listed(S, a)", ENTITY_ADDRESS, Predicate::Listed, "EndpointSlices of S, which has a selector, list address a"),
    row("Send", "Send(e, X, sa, sp, ta, tp)", HEADER, Predicate::Send, "process X puts message e with this header on its way, from an honest source"),
    row("Recv", "Recv(e, X, sa, sp, ta, tp)", HEADER, Predicate::Recv, "process X receives message e with this header"),
    row("Replied", "Replied(e)", ONE_EVENT, Predicate::Replied, "the answer to e comes back to the sender's socket"),
    row("passes", "passes(e, X)", &[Term(Event), Term(Entity)], Predicate::Passes, "message e passes switch X"),
    row("Loops", "Loops(e)", ONE_EVENT, Predicate::Loops, "message e goes round and round"),
    row("dials", "dials(e, a, p)", &[Term(Event), Term(Address), Term(Port)], Predicate::Dials, "after all translations message e is headed for port p of address a"),
    row("Allowed", "Allowed(e, a, p)", EVENT_TARGET, Predicate::Allowed, "no policy forbids the sender of message e, from the source it sends from, to open a connection to port p of address a"),
    row("loopback", "loopback(a)", ONE_ADDRESS, Predicate::Loopback, "a is 127.0.0.1 or ::1"),
    row("ipv4", "ipv4(a)", ONE_ADDRESS, Predicate::Ipv4, "a is an IPv4 address"),
    row("ipv6", "ipv6(a)", ONE_ADDRESS, Predicate::Ipv6, "a is an IPv6 address"),
    Signature {
        name: "label",
        form: "label(E, \"key\")",
        parameters: &[Named(Entity), Text],
        meaning: Meaning::Label,
        says: "E, or the pod of container E, has the label",
    },
    Signature {
        name: "label",
        form: "label(E, \"key\", \"value\")",
        parameters: &[Named(Entity), Text, Text],
        meaning: Meaning::Label,
        says: "E, or the pod of container E, has the label with this value",
    },
    Signature {
        name: "namespace",
        form: "namespace(E, \"name\")",
        parameters: &[Named(Entity), Text],
        meaning: Meaning::Namespace,
        says: "E is in the namespace",
    },
    Signature {
        name: "namespace",
        form: "namespace(E)",
        parameters: &[Named(Entity)],
        meaning: Meaning::Namespace,
        says: "E is in some namespace: a pod, its containers, a Service, a process of a hostNetwork pod",
    },
    Signature {
        name: "namespace-label",
        form: "namespace-label(E, \"key\")",
        parameters: &[Named(Entity), Text],
        meaning: Meaning::NamespaceLabel,
        says: "the namespace of E has the label",
    },
    Signature {
        name: "namespace-label",
        form: "namespace-label(E, \"key\", \"value\")",
        parameters: &[Named(Entity), Text, Text],
        meaning: Meaning::NamespaceLabel,
        says: "the namespace of E has the label with this value",
    },
    Signature {
        name: "workload",
        form: "workload(E, \"kind\", \"name\")",
        parameters: &[Named(Entity), Text, Text],
        meaning: Meaning::Workload,
        says: "E belongs to this workload of its namespace",
    },
    Signature {
        name: "other-label",
        form: "other-label(E, F, \"key\")",
        parameters: &[Named(Entity), Named(Entity), Text],
        meaning: Meaning::OtherLabel,
        says: "E and F both have the label, with different values",
    },
    Signature {
        name: "named-port",
        form: "named-port(E, \"name\", p, proto)",
        parameters: &[Named(Entity), Text, Named(Port), Named(Protocol)],
        meaning: Meaning::NamedPort,
        says: "E calls its port p so: a container by its pod, a Service by its ports",
    },
];

/// Functions: name, form, meaning. They stand where terms stand.
pub const FUNCTIONS: &[(&str, &str, &str)] = &[
    ("proto", "proto(e)", "the protocol of message e"),
    (
        "hops",
        "hops(e) <= 4",
        "how many lookups at switches message e has, translations included; infinite in a loop",
    ),
];

/// The forms of a predicate; none where the name is unknown.
pub fn forms(name: &str) -> impl Iterator<Item = &'static Signature> + Clone {
    SIGNATURES.iter().filter(move |s| s.name == name)
}

/// Whether an atom bounds what its address, port and protocol arguments range over: it says what is in a table or in
/// a header. A family, the loopback address and what policies allow say nothing of the kind.
pub fn is_guard(predicate: Predicate) -> bool {
    !matches!(
        predicate,
        Predicate::Ipv4
            | Predicate::Ipv6
            | Predicate::SharesFamily
            | Predicate::Loopback
            | Predicate::Allowed
    )
}
