//! Resolved, sorted formulas.
//!
//! Knows: sorts, predicates, terms, connectives. Must never know: surface syntax, SMT.

use std::net::IpAddr;

use crate::base::source::Span;
use crate::model::entity::{EntityId, FullName};
use crate::model::inet::{IpNet, Protocol};

/// The sorts of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sort {
    /// A message with everything that happens to it.
    Event,
    /// Pod, Node, Service, Container, Daemon, External.
    Entity,
    /// An address of either family.
    Address,
    /// A port, 0–65535.
    Port,
    /// TCP, UDP or SCTP.
    Protocol,
}

impl Sort {
    /// The word in messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Entity => "entity",
            Self::Address => "address",
            Self::Port => "port",
            Self::Protocol => "protocol",
        }
    }
}

/// A variable of one constraint; an index into [`Constraint::variables`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VarId(pub u32);

/// A variable as declared by a quantifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its sort.
    pub sort: Sort,
    /// Where it is declared.
    pub span: Span,
}

/// A term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    /// A variable.
    Var(VarId),
    /// A named entity that is not looked up yet (`pod(P2)`), with the place of the name.
    Named(FullName, Span),
    /// A named entity of the cluster at hand; made from `Named` by [`super::bind::bind`].
    Entity(EntityId),
    /// An address.
    Address(IpAddr),
    /// A port.
    Port(u16),
    /// A protocol.
    Protocol(Protocol),
    /// `proto(e)`: the protocol of an event.
    ProtocolOf(VarId),
}

/// An argument of a predicate: a term, or `_` (existential at the atom itself, hence universal in a premise).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arg {
    /// A term.
    Term(Term),
    /// `_`.
    Any,
}

/// The predicates of design.md section 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Predicate {
    /// `K8s-Pod(P)`.
    Pod,
    /// `K8s-Node(N)`.
    Node,
    /// `K8s-Service(S)`.
    Service,
    /// `K8s-Daemon(D)`.
    Daemon,
    /// `K8s-Container(C, P)`.
    Container,
    /// `External(X)`.
    External,
    /// `Process(X)`.
    Process,
    /// `Switch(X)`.
    Switch,
    /// `Pending(P)`: a pod that is not started yet.
    Pending,
    /// `addr(E, a)`.
    Addr,
    /// `self(E, a)`: `addr`, or loopback of a pod or node.
    SelfAddr,
    /// `host(N, X)`.
    Host,
    /// `open(X, p)`: on every address, TCP.
    OpenEverywhere,
    /// `open(X, a, p, proto)`.
    Open,
    /// `serves(X, a, p, proto)`: in X's network namespace a process listens there for others.
    Serves,
    /// `shares-family(E, a)`: E has an address of a's family.
    SharesFamily,
    /// `link(X, Y)`.
    Link,
    /// `port(S, p, proto)`.
    ServicePort,
    /// `endpoint(S, p, P, a, tp)`: for some protocol.
    Endpoint,
    /// `endpoint(S, p, proto, P, a, tp)`.
    EndpointOf,
    /// `endpoint(S, p, proto, N, P, a, tp)`: for clients of node N.
    EndpointFor,
    /// `offered(E, ep, a, p, proto)`.
    Offered,
    /// `selected(S, P, a)`.
    Selected,
    /// `listed(S, a)`.
    Listed,
    /// `Send(e, X, sa, sp, ta, tp)`.
    Send,
    /// `Recv(e, X, sa, sp, ta, tp)`.
    Recv,
    /// `Replied(e)`.
    Replied,
    /// `passes(e, X)`.
    Passes,
    /// `Loops(e)`.
    Loops,
    /// `dials(e, a, p)`: where the message is headed after all translations.
    Dials,
    /// `Allowed(e, a, p)`: no policy forbids the sender to open a connection to there.
    Allowed,
    /// `loopback(a)`: exactly `127.0.0.1` or `::1`, as in the seed.
    Loopback,
    /// `ipv4(a)`.
    Ipv4,
    /// `ipv6(a)`.
    Ipv6,
}

/// How two numbers compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
}

/// What objects say of an entity, beside its labels and the tables.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fact {
    /// `namespace(E)`: it is in some namespace.
    Namespaced,
    /// `namespace-label(E, "k", "v")`, or `namespace-label(E, "k")`: its namespace has the label.
    NamespaceLabel(String, Option<String>),
    /// `workload(E, "deployment", "web")`: it belongs to this workload of its namespace.
    Workload(String, String),
}

/// A formula. Bound variables are unique in a constraint: no name is captured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Formula {
    /// A constant.
    Constant(bool),
    /// A predicate on arguments.
    Predicate(Predicate, Vec<Arg>),
    /// `t = u`, both of one sort, not events.
    Equal(Term, Term),
    /// Ports only.
    Compare(Term, Comparison, Term),
    /// `hops(e) <= 4`: lookups at switches until the message was received or died, translations included; infinite in
    /// a loop. The answer does not count.
    Hops(VarId, Comparison, u32),
    /// `a in 10.0.0.0/8`.
    InPrefix(Term, IpNet),
    /// `p in 1-1024`, inclusive.
    InRange(Term, u16, u16),
    /// `label(E, "k", "v")`, or `label(E, "k")`: has the label.
    Label(Term, String, Option<String>),
    /// `namespace(E, "n")`.
    Namespace(Term, String),
    /// What else is said of one entity.
    Fact(Term, Fact),
    /// `other-label(E, F, "k")`: both have the label, with different values.
    OtherLabel(Term, Term, String),
    /// `named-port(E, "http", p, proto)`: what E calls so is port p.
    NamedPort(Term, String, Term, Term),
    /// `¬ f`.
    Not(Box<Formula>),
    /// `f ∧ g ∧ …`.
    And(Vec<Formula>),
    /// `f ∨ g ∨ …`.
    Or(Vec<Formula>),
    /// `f ⟹ g`.
    Implies(Box<Formula>, Box<Formula>),
    /// `f ⟺ g`.
    Iff(Box<Formula>, Box<Formula>),
    /// `∀ x, y. f`.
    Forall(Vec<VarId>, Box<Formula>),
    /// `∃ x, y. f`.
    Exists(Vec<VarId>, Box<Formula>),
}

/// A constraint, resolved and sorted.
///
/// INVARIANTS, kept by `logic::check`:
/// * events are bound by ∀ in front only: under `And` and `Forall` from the root, nothing else (so the negation asks
///   for one message that breaks it);
/// * an address, port or protocol variable that is not bound so is guarded: where it is bound by ∃, its body is a
///   conjunction with a positive predicate atom that has it as an argument; where by ∀, the body is an implication
///   with such an atom as a conjunct of its premise. So it ranges over what is in a table or a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    /// `KP003`; for users' own the same as the name.
    pub id: String,
    /// `pod-to-pod`.
    pub name: String,
    /// One sentence.
    pub title: String,
    /// Why it is asked.
    pub reason: Option<String>,
    /// Where it comes from.
    pub source: Option<String>,
    /// All variables.
    pub variables: Vec<Variable>,
    /// The formula.
    pub formula: Formula,
    /// What each clause says, in words; nothing where nobody has said so.
    pub says: Vec<&'static str>,
    /// Where it is written.
    pub span: Span,
}

impl Formula {
    /// Whether a variable occurs in it.
    pub fn mentions(&self, id: VarId) -> bool {
        let term = |t: &Term| matches!(t, Term::Var(v) | Term::ProtocolOf(v) if *v == id);
        match self {
            Self::Constant(_) => false,
            Self::Predicate(_, args) => args
                .iter()
                .any(|arg| matches!(arg, Arg::Term(t) if term(t))),
            Self::Equal(a, b) | Self::Compare(a, _, b) | Self::OtherLabel(a, b, _) => {
                term(a) || term(b)
            }
            Self::Hops(event, ..) => *event == id,
            Self::InPrefix(t, _)
            | Self::InRange(t, ..)
            | Self::Label(t, ..)
            | Self::Fact(t, _)
            | Self::Namespace(t, _) => term(t),
            Self::NamedPort(a, _, b, c) => term(a) || term(b) || term(c),
            Self::Not(f) | Self::Forall(_, f) | Self::Exists(_, f) => f.mentions(id),
            Self::And(parts) | Self::Or(parts) => parts.iter().any(|f| f.mentions(id)),
            Self::Implies(a, b) | Self::Iff(a, b) => a.mentions(id) || b.mentions(id),
        }
    }
}

impl Formula {
    /// Looks at it and at everything below it.
    pub fn each<'f>(&'f self, look: &mut dyn FnMut(&'f Self)) {
        look(self);
        match self {
            Self::Not(f) | Self::Forall(_, f) | Self::Exists(_, f) => f.each(look),
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|f| f.each(look)),
            Self::Implies(a, b) | Self::Iff(a, b) => {
                a.each(look);
                b.each(look);
            }
            _ => {}
        }
    }
}

impl Constraint {
    /// A variable's declaration.
    pub fn variable(&self, id: VarId) -> &Variable {
        &self.variables[id.0 as usize]
    }

    /// The top-level conjuncts, each with the variables bound in front of it. A counterexample breaks one of them.
    pub fn clauses(&self) -> Vec<(Vec<VarId>, &Formula)> {
        fn split<'c>(
            formula: &'c Formula,
            bound: &[VarId],
            out: &mut Vec<(Vec<VarId>, &'c Formula)>,
        ) {
            match formula {
                Formula::And(parts) => parts.iter().for_each(|part| split(part, bound, out)),
                Formula::Forall(variables, body) => split(body, &[bound, variables].concat(), out),
                _ => out.push((bound.to_vec(), formula)),
            }
        }
        let mut out = Vec::new();
        split(&self.formula, &[], &mut out);
        out
    }
}
