//! The text of a whole intent, clause by clause.
//!
//! Variables: X sends message e from address sa; Y receives it at its address ta, on its port tp. A process never counts
//! against itself, nor do the processes of one pod or one node against each other: no network can keep them apart.

use std::fmt::Write as _;

use super::clause::{Clause, Kind, on, owned};
use super::family;
use super::peer::{any, is_one_of, not_own_node, ports, quoted, started};
use super::service;
use crate::model::intent::{Intent, IntentPeer, Isolation, Relation, Who, Wish};
use crate::model::policy::PortRule;

/// X and Y do not share a network namespace.
const APART: [&str; 3] = [
    "X ≠ Y",
    "¬(∃ P. K8s-Container(X, P) ∧ K8s-Container(Y, P))",
    "¬(∃ N. K8s-Daemon(X) ∧ K8s-Daemon(Y) ∧ host(N, X) ∧ host(N, Y))",
];

/// The intent's name as the language can spell it.
pub fn name(intent: &Intent) -> String {
    let mut out = String::from("intent");
    let mut dash = true;
    for c in intent.name.chars() {
        let plain = c.is_ascii_alphanumeric();
        if plain {
            if dash {
                out.push('-');
            }
            out.push(c);
        }
        dash = !plain;
    }
    out
}

/// The constraint that an intent stands for.
pub fn text(intent: &Intent) -> String {
    let clauses = clauses(intent);
    let title = quoted(&title(intent));
    let mut out = format!("constraint {} {title}\n", name(intent));
    if is_about_any_pod(intent) {
        out.push_str("  # anyPod: asked of this cluster with any one pod more, which is X or Y.\n");
    }
    for clause in clauses {
        let _ = writeln!(out, "  # {}", clause.says);
        let _ = writeln!(out, "  ∧ (∀ {}.", variables(&clause).join(", "));
        for premise in &clause.premises {
            let _ = writeln!(out, "    ∧ {premise}");
        }
        let _ = writeln!(out, "    ⟹ {})", clause.conclusion);
    }
    out
}

/// What its clauses ask, in the order of the text.
pub fn kinds(intent: &Intent) -> Vec<Kind> {
    clauses(intent).iter().map(|c| c.kind).collect()
}

/// What its clauses say in words, in the order of the text.
pub fn says(intent: &Intent) -> Vec<&'static str> {
    clauses(intent).iter().map(|c| c.says).collect()
}

fn clauses(intent: &Intent) -> Vec<Clause> {
    let mut clauses = match &intent.wish {
        Wish::MustReach(relation) => reach(relation),
        Wish::MustNotReach(relation) => keep_out(relation, false),
        Wish::OnlyThese(relation) => {
            let mut clauses = reach(relation);
            clauses.extend(keep_out(relation, true));
            clauses
        }
        Wish::Isolate(isolation) => vec![isolate(isolation)],
    };
    if clauses.is_empty() {
        clauses.push(Clause {
            kind: Kind::Nothing,
            says: "nobody is meant",
            premises: vec!["Process(X)".to_owned(), "false".to_owned()],
            conclusion: "false".to_owned(),
        });
    }
    clauses
}

/// Whether a peer is any pod that could be added.
pub fn is_about_any_pod(intent: &Intent) -> bool {
    let any = |peers: &[IntentPeer]| peers.iter().any(|p| matches!(p.who, Who::AnyPod(_)));
    let relation = intent.wish.relation();
    relation.is_some_and(|r| any(&r.from) || any(&r.to))
}

/// Those in front, in the canonical order: what a clause does not speak of it must not bind.
fn variables(clause: &Clause) -> Vec<&'static str> {
    let texts = || clause.premises.iter().chain([&clause.conclusion]);
    let speaks = |name: &&str| {
        let word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        texts().any(|t| t.split(|c| !word(c)).any(|w| w == *name))
    };
    let all = ["e", "X", "Y", "sa", "ta", "tp"];
    all.into_iter().filter(speaks).collect()
}

/// One sentence.
fn title(intent: &Intent) -> String {
    match &intent.wish {
        Wish::MustReach(_) => "what is in `from` reaches what is in `to`".to_owned(),
        Wish::MustNotReach(_) => "nothing in `from` reaches anything in `to`".to_owned(),
        Wish::OnlyThese(_) => {
            "what is in `from` reaches what is in `to`, and nobody else does".to_owned()
        }
        Wish::Isolate(i) => {
            let key = &i.key;
            format!("pods with different values of the label `{key}` do not reach each other")
        }
    }
}

/// Whether a list has anything but Services.
fn has_processes(peers: &[IntentPeer]) -> bool {
    peers.iter().any(|p| !matches!(p.who, Who::Service { .. }))
}

/// Y is one of those that are to be reached themselves.
fn receivers(relation: &Relation, y: &str, a: &str) -> String {
    any(&is_one_of(&relation.to, y, a))
}

/// X is one of the senders. A Service sends through its endpoints.
fn senders(relation: &Relation) -> String {
    let mut ways = is_one_of(&relation.from, "X", "sa");
    ways.extend(service::services(&relation.from).map(|(_, name)| service::behind(&name, "X")));
    any(&ways)
}

/// `a` is an address of `y`: of its pod, its node, or its own outside.
fn at(y: &str, a: &str) -> String {
    format!(
        "((∃ Q. (K8s-Container({y}, Q) ∨ host(Q, {y})) ∧ addr(Q, {a})) ∨ External({y}) ∧ addr({y}, {a}))"
    )
}

fn reach(relation: &Relation) -> Vec<Clause> {
    let mut clauses = Vec::new();
    let from = senders(relation);
    let wished = relation.ports.as_ref();
    if has_processes(&relation.to) {
        let mut premises = owned(&["Send(e, X, sa, _, ta, tp)", &from]);
        premises.push(receivers(relation, "Y", "ta"));
        premises.extend(owned(&APART));
        premises.extend([at("Y", "ta"), "open(Y, ta, tp, proto(e))".to_owned()]);
        premises.extend(on(wished, "Y"));
        clauses.push(Clause {
            kind: Kind::Reach,
            says: "X reaches Y on the ports that are open there",
            premises,
            conclusion: "Recv(e, Y, _, _, _, _) ∧ (proto(e) = UDP ∨ Replied(e))".to_owned(),
        });
        clauses.extend(listening(relation, &from));
    }
    clauses.extend(service::reach(relation, &from));
    clauses
}

/// To reach nothing is not what was wished: each receiver has one of the ports open, and each port is open somewhere, at an
/// address that the sender can send to. What is open outside is not known.
fn listening(relation: &Relation, from: &str) -> Vec<Clause> {
    let inside = |p: &&IntentPeer| !matches!(p.who, Who::Block(_) | Who::External(_));
    let inside: Vec<IntentPeer> = relation.to.iter().filter(inside).cloned().collect();
    if !has_processes(&inside) {
        return Vec::new();
    }
    let to = |x: &str| any(&is_one_of(&inside, x, "ta"));
    let mut premises = owned(&["Process(X)", from, "Process(Y)"]);
    premises.push(to("Y"));
    premises.extend(owned(&APART));
    premises.extend(["X", "Y"].map(started));
    let wished = relation.ports.as_deref();
    let conclusion = |x: &str, rules: Option<&[PortRule]>| {
        let mut parts = vec![format!("serves({x}, a, p, t)")];
        parts.push(family::can_send(&relation.from, "a"));
        parts.extend(rules.map(|rules| ports(rules, x, "p", "t")));
        parts.join(" ∧ ")
    };
    let mut clauses = vec![Clause {
        kind: Kind::Listens(None),
        says: "and each that is to be reached listens on one of the ports at least, at an address of a family that X has",
        premises: premises.clone(),
        conclusion: format!("(∃ a, p, t. {})", conclusion("Y", wished)),
    }];
    let several = wished.filter(|rules| rules.len() > 1).unwrap_or_default();
    for (at, rule) in several.iter().enumerate() {
        let serves = conclusion("Z", Some(std::slice::from_ref(rule)));
        clauses.push(Clause {
            kind: Kind::Listens(Some(at)),
            says: "and this port is open somewhere among them, at such an address",
            premises: premises.clone(),
            conclusion: format!("(∃ Z, a, p, t. {} ∧ {serves})", to("Z")),
        });
    }
    clauses
}

fn keep_out(relation: &Relation, others: bool) -> Vec<Clause> {
    let from = senders(relation);
    let from = if others { format!("¬{from}") } else { from };
    let wished = relation.ports.as_ref();
    let mut clauses = Vec::new();
    if has_processes(&relation.to) {
        let mut premises = owned(&["Send(e, X, sa, _, _, _)", &from, "Process(Y)"]);
        premises.push(receivers(relation, "Y", "ta"));
        // Nobody is kept out of what is not there: vacuous, where it is all that is meant.
        premises.extend(["X", "Y"].map(started));
        premises.extend(owned(&APART));
        premises.extend(others.then(|| not_own_node("Y")));
        premises.extend(on(wished, "Y"));
        clauses.push(Clause {
            kind: if others {
                Kind::OthersKeptOut
            } else {
                Kind::KeptOut
            },
            says: if others {
                "and nobody else is received, but the pod itself and the processes of its own node"
            } else {
                "Y does not receive what X sends, whatever address it was sent to"
            },
            premises,
            conclusion: "¬Recv(e, Y, _, _, ta, tp)".to_owned(),
        });
    }
    clauses.extend(service::keep_out(relation, &from, others));
    clauses
}

fn isolate(isolation: &Isolation) -> Clause {
    let key = quoted(&isolation.key);
    let mut ways = vec![format!("other-label(X, Y, {key})")];
    if isolation.unlabelled_are_a_group {
        ways.push(format!("label(X, {key}) ∧ namespace(Y) ∧ ¬label(Y, {key})"));
        ways.push(format!("namespace(X) ∧ ¬label(X, {key}) ∧ label(Y, {key})"));
    }
    let mut premises = owned(&["Send(e, X, _, _, _, _)", "Process(Y)"]);
    premises.push(any(&ways));
    premises.extend(["X", "Y"].map(started));
    premises.extend(owned(&APART));
    Clause {
        kind: Kind::Apart,
        says: "Y does not receive what X sends, whatever address it was sent to",
        premises,
        conclusion: "¬Recv(e, Y, _, _, _, _)".to_owned(),
    }
}
