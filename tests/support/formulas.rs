//! Random constraints in the users' language, and their truth by trying everything.

use std::collections::BTreeMap;

use kubeproof::base::source::SourceMap;
use kubeproof::lang::parse;
use kubeproof::logic::check::check;
use kubeproof::logic::formula::{Arg, Constraint, Formula, Term, VarId};
use kubeproof::lower::Lowered;
use kubeproof::model::entity::EntityId;
use kubeproof::model::inet::IpNet;
use kubeproof::sim::eval::{Assignment, Evaluator, EventRecord, Value};
use kubeproof::verify::verdict::Verdict;

use super::covering::Extra;
use super::draft::Draft;
use super::rng::Rng;

/// A constraint's text from its own draws. Variables: e, X, sa, sp, ta, tp are the message's; Y receives it.
pub fn text(rng: &mut Rng, draft: &Draft, name: &str) -> String {
    let mut maker = Maker {
        rng,
        draft,
        inner: 0,
    };
    let receiver = maker.rng.percent(40);
    let mut premise = Vec::new();
    for _ in 0..maker.rng.weighted(&[30, 50, 20]) {
        premise.push(maker.formula(1, if receiver { &["X", "Y"] } else { &["X"] }));
    }
    let conclusion = maker.formula(2, if receiver { &["X", "Y"] } else { &["X"] });
    let body = premise.join(" ") + " " + &conclusion;
    let used = |v: &str| words(&body).any(|w| w == v);
    let arg = |v: &'static str| if used(v) { v } else { "_" };
    let mut parts = vec![format!(
        "Send(e, {}, {}, {}, {}, {})",
        arg("X"),
        arg("sa"),
        arg("sp"),
        arg("ta"),
        arg("tp")
    )];
    if receiver {
        parts.push("Recv(e, Y, _, _, _, _)".to_owned());
    }
    let mut front = vec!["e"];
    front.extend(
        ["X", "sa", "sp", "ta", "tp"]
            .into_iter()
            .filter(|v| used(v)),
    );
    front.extend(receiver.then_some("Y"));
    parts.extend(premise);
    format!(
        "constraint {name} \"random\"\nforall {}.\n  {}\n  => {conclusion}\n",
        front.join(", "),
        parts.join(" and ")
    )
}

/// The words of a formula, in which variables are looked for.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '/' && c != '.' && c != ':')
        .filter(|w| !w.is_empty())
}

struct Maker<'m> {
    rng: &'m mut Rng,
    draft: &'m Draft,
    /// How many inner variables there are so far; each has its own name.
    inner: usize,
}

impl Maker<'_> {
    /// A formula over entity variables in scope, in parentheses where needed.
    fn formula(&mut self, depth: usize, scope: &[&str]) -> String {
        if depth == 0 || self.rng.percent(35) {
            return self.atom(scope);
        }
        match self.rng.below(10) {
            0 | 1 => format!("not {}", self.formula(depth - 1, scope)),
            2 | 3 => format!(
                "({} and {})",
                self.formula(depth - 1, scope),
                self.formula(depth - 1, scope)
            ),
            4 | 5 => format!(
                "({} or {})",
                self.formula(depth - 1, scope),
                self.formula(depth - 1, scope)
            ),
            6 => format!(
                "({} => {})",
                self.formula(depth - 1, scope),
                self.formula(depth - 1, scope)
            ),
            7 => format!(
                "({} <=> {})",
                self.formula(depth - 1, scope),
                self.formula(depth - 1, scope)
            ),
            _ => self.quantified(scope),
        }
    }

    fn quantified(&mut self, scope: &[&str]) -> String {
        self.inner += 1;
        let v = format!("v{}", self.inner);
        let mut wider = scope.to_vec();
        wider.push(&v);
        let entity = self.entity(scope);
        let x = (*self.rng.pick(scope)).to_owned();
        match self.rng.below(13) {
            12 => format!("(exists {v}. addr({entity}, {v}))"),
            0 => format!(
                "(exists {v}. Recv(e, {v}, _, _, _, _) and {})",
                self.atom(&[&v])
            ),
            1 => format!("(exists {v}. passes(e, {v}) and {})", self.atom(&[&v])),
            2 => format!("(exists {v}. link({x}, {v}) and {})", self.atom(&[&v])),
            3 => format!(
                "(exists {v}. K8s-Container({x}, {v}) and {})",
                self.atom(&[&v])
            ),
            4 => format!("(exists {v}. host({v}, {entity}) and passes(e, {v}))"),
            5 => format!(
                "(forall {v}. addr({entity}, {v}) => {})",
                self.address_atom(&v)
            ),
            6 => format!(
                "(exists {v}. addr({entity}, {v}) and {})",
                self.address_atom(&v)
            ),
            7 => format!(
                "(exists {v}. Recv(e, _, {v}, _, _, _) and {})",
                self.address_atom(&v)
            ),
            8 => format!(
                "(exists {v}. open({entity}, ta, {v}, proto(e)) and {})",
                self.port_atom(&v)
            ),
            9 => format!(
                "(forall {v}. K8s-Container({v}) => {})",
                self.formula(0, &wider)
            ),
            10 => format!(
                "(exists {v}. Recv(e, _, _, _, _, {v}) and {})",
                self.port_atom(&v)
            ),
            _ => format!("(exists {v}. Switch({v}) and {})", self.atom(&[&v])),
        }
    }

    fn literal(&mut self) -> String {
        let mut all: Vec<String> = self
            .draft
            .switches()
            .into_iter()
            .filter(|s| s != "outside")
            .collect();
        all.extend(self.draft.processes().into_iter().map(|p| p.0));
        all.extend(
            self.draft
                .services
                .iter()
                .map(|s| format!("service/default/{}", s.name)),
        );
        if all.is_empty() {
            return "X".to_owned();
        }
        let full = self.rng.pick(&all).clone();
        full.split_once('/')
            .map_or(full.clone(), |(kind, name)| format!("{kind}({name})"))
    }

    fn entity(&mut self, scope: &[&str]) -> String {
        if self.rng.percent(50) {
            (*self.rng.pick(scope)).to_owned()
        } else {
            self.literal()
        }
    }

    fn address(&mut self) -> String {
        let pods = self.draft.pods.iter().flat_map(|p| &p.addresses);
        let all: Vec<&String> = pods
            .chain(self.draft.nodes.iter().flat_map(|n| &n.addresses))
            .collect();
        if all.is_empty() {
            "10.1.0.1".to_owned()
        } else {
            (*self.rng.pick(&all)).clone()
        }
    }

    fn address_atom(&mut self, v: &str) -> String {
        match self.rng.below(7) {
            0 => format!("{v} = {}", self.address()),
            1 => format!("ipv4({v})"),
            2 => format!("loopback({v})"),
            3 => format!("addr({}, {v})", self.literal()),
            4 => format!("self({}, {v})", self.literal()),
            _ => format!(
                "{v} in {}",
                self.rng.pick(&[
                    "10.1.0.0/24",
                    "10.0.0.0/8",
                    "10.1.0.0/31",
                    "127.0.0.0/8",
                    "::/64",
                    "::2:0/112",
                    "fd00::/16"
                ])
            ),
        }
    }

    fn port_atom(&mut self, v: &str) -> String {
        match self.rng.below(4) {
            0 => format!("{v} = {}", self.rng.pick(&[8080, 9090, 53, 80])),
            1 => format!(
                "{v} in {}",
                self.rng.pick(&["8080-8081", "1-1024", "49152-65535"])
            ),
            _ => format!(
                "{v} {} {}",
                self.rng.pick(&["<", "<=", ">", ">="]),
                self.rng.pick(&[8080, 1024, 1, 65535])
            ),
        }
    }

    fn atom(&mut self, scope: &[&str]) -> String {
        let x = (*self.rng.pick(scope)).to_owned();
        let entity = self.entity(scope);
        match self.rng.below(26) {
            0 => format!(
                "{}({x})",
                self.rng.pick(&[
                    "K8s-Pod",
                    "K8s-Node",
                    "K8s-Daemon",
                    "K8s-Container",
                    "External",
                    "Process",
                    "Switch"
                ])
            ),
            1 => format!("K8s-Container({x}, {})", self.literal()),
            2 => format!("addr({entity}, {})", self.rng.pick(&["sa", "ta", "_"])),
            3 => format!("self({entity}, {})", self.rng.pick(&["sa", "ta"])),
            4 => format!("host({}, {entity})", self.literal()),
            5 => format!("open({entity}, ta, tp, proto(e))"),
            6 => format!("open({entity}, {})", self.rng.pick(&["tp", "_", "8080"])),
            7 => format!("link({entity}, {})", self.literal()),
            8 => format!(
                "port({}, tp, {})",
                self.literal(),
                self.rng.pick(&["proto(e)", "_", "TCP"])
            ),
            9 => format!(
                "endpoint({}, tp, proto(e), {}, _, _)",
                self.literal(),
                self.rng.pick(&["_", "_", &entity])
            ),
            10 | 11 => self.received(&entity),
            12 => "Replied(e)".to_owned(),
            13 | 14 => format!("passes(e, {entity})"),
            15 => "Loops(e)".to_owned(),
            16 => {
                let v = *self.rng.pick(&["sa", "ta"]);
                self.address_atom(v)
            }
            17 => {
                let v = *self.rng.pick(&["sp", "tp", "tp"]);
                self.port_atom(v)
            }
            18 => format!("label({x}, \"app\"{})", self.rng.pick(&["", ", \"a\""])),
            19 => format!(
                "namespace({x}, \"{}\")",
                self.rng.pick(&["shop", "default"])
            ),
            20 => format!("{x} {} {}", self.rng.pick(&["=", "!="]), self.literal()),
            21 => format!("proto(e) = {}", self.rng.pick(&["TCP", "UDP", "SCTP"])),
            22 => format!(
                "hops(e) {} {}",
                self.rng.pick(&["<", "<=", ">", ">=", "=", "!="]),
                self.rng.below(7)
            ),
            23 => self.received("_"),
            _ => {
                let v = *self.rng.pick(&["sa", "ta"]);
                self.address_atom(v)
            }
        }
    }

    fn received(&mut self, by: &str) -> String {
        let mut field = |v: &'static str| if self.rng.percent(25) { v } else { "_" };
        format!(
            "Recv(e, {by}, {}, {}, {}, {})",
            field("sa"),
            field("sp"),
            field("ta"),
            field("tp")
        )
    }
}

/// The constraints of a text; the mistakes where it is none.
pub fn read(text: &str) -> Result<Vec<Constraint>, String> {
    let id = SourceMap::new().add("random.spec", text);
    let parsed = parse(id, text);
    let checked = check(&parsed.file);
    let said = parsed.diagnostics.iter().chain(&checked.diagnostics);
    let said: Vec<String> = said.map(|d| format!("{} {}", d.code, d.message)).collect();
    if said.is_empty() {
        Ok(checked.constraints)
    } else {
        Err(said.join("; "))
    }
}

/// What a formula distinguishes.
pub fn extra(constraint: &Constraint) -> Extra {
    let mut extra = Extra {
        every_source_port: constraint.variables.iter().any(|v| v.name == "sp"),
        ..Extra::default()
    };
    constants(&constraint.formula, &mut extra);
    extra
}

fn constants(formula: &Formula, extra: &mut Extra) {
    let mut term = |t: &Term| match t {
        Term::Address(ip) => extra.nets.push(IpNet::from(*ip)),
        Term::Port(p) => extra.ports.extend([(*p, *p), (1, *p)]),
        _ => {}
    };
    match formula {
        Formula::Predicate(_, args) => args.iter().for_each(|a| {
            if let Arg::Term(t) = a {
                term(t)
            }
        }),
        Formula::Equal(a, b) | Formula::Compare(a, _, b) => [a, b].into_iter().for_each(term),
        Formula::InPrefix(_, net) => extra.nets.push(*net),
        Formula::InRange(_, low, high) => extra.ports.push((*low, *high)),
        Formula::Not(f) | Formula::Forall(_, f) | Formula::Exists(_, f) => constants(f, extra),
        Formula::And(all) | Formula::Or(all) => all.iter().for_each(|f| constants(f, extra)),
        Formula::Implies(a, b) | Formula::Iff(a, b) => {
            [a, b].into_iter().for_each(|f| constants(f, extra))
        }
        Formula::Constant(_)
        | Formula::Hops(..)
        | Formula::Label(..)
        | Formula::Fact(..)
        | Formula::OtherLabel(..)
        | Formula::NamedPort(..)
        | Formula::Namespace(..) => {}
    }
}

/// Tries the messages one by one: violated as soon as one breaks the constraint.
pub struct Trial<'t> {
    lowered: &'t Lowered,
    constraint: &'t Constraint,
    front: Vec<VarId>,
    body: &'t Formula,
    premises: usize,
    broken: bool,
}

impl<'t> Trial<'t> {
    /// A bound constraint of one clause.
    pub fn new(lowered: &'t Lowered, constraint: &'t Constraint) -> Option<Self> {
        let mut clauses = constraint.clauses();
        let (front, body) = clauses.pop().filter(|_| clauses.is_empty())?;
        Some(Self {
            lowered,
            constraint,
            front,
            body,
            premises: 0,
            broken: false,
        })
    }

    /// All outcomes of one message.
    pub fn message(
        &mut self,
        sender: EntityId,
        trace: &kubeproof::network::trace::Trace,
    ) -> Result<(), String> {
        let evaluator = Evaluator::new(&self.lowered.structure, &self.constraint.variables);
        for outcome in &trace.outcomes {
            let h = outcome.sent;
            let mut values = BTreeMap::new();
            for id in &self.front {
                let value = match self.constraint.variable(*id).name.as_str() {
                    "e" => Value::Event(0),
                    "X" => Value::Entity(sender),
                    "sa" => Value::Address(h.source),
                    "sp" => Value::Port(h.source_port),
                    "ta" => Value::Address(h.destination),
                    "tp" => Value::Port(h.destination_port),
                    // Asked for by the premise: only the receiver will do.
                    "Y" => match outcome.request.receiver {
                        Some(by) => Value::Entity(by),
                        None => continue,
                    },
                    other => return Err(format!("`{other}` in front")),
                };
                values.insert(*id, value);
            }
            if values.len() < self.front.len() {
                continue;
            }
            let events = vec![EventRecord {
                sender,
                outcome: outcome.clone(),
            }];
            let mut env = Assignment { values, events };
            let mut truth = |f: &Formula| evaluator.truth(f, &mut env).map_err(|e| e.to_string());
            let premise = match self.body {
                Formula::Implies(premise, _) => truth(premise)?,
                _ => true,
            };
            self.premises += usize::from(premise);
            self.broken |= premise && !truth(self.body)?;
        }
        Ok(())
    }

    /// Whether more messages can change the verdict.
    pub fn undecided(&self) -> bool {
        !self.broken
    }

    /// After all messages.
    pub fn verdict(&self) -> Verdict {
        match (self.broken, self.premises) {
            (true, _) => Verdict::Violated,
            (false, 0) => Verdict::Vacuous,
            _ => Verdict::Proven,
        }
    }
}
