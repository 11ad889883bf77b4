//! Networks of stages, as Linux snapshots become: is the solver's verdict what trying every message in the simulator comes
//! to? On random networks (`support/stages.rs`): stages by rank, choices of messages and of answers, connection state,
//! translations undone elsewhere, sources by destination, places that are not modelled.
//!
//! What is expected of a clause: violated, if a message breaks it in an outcome that meets nothing unmodelled; else unknown,
//! if a message of which the premises could be true meets such a place; else proven, or vacuous.
//!
//! ```text
//! cargo test --test stages                        # seeds 0..100
//! KUBEPROOF_SEEDS=0..10000 cargo test --release --test stages
//! ```

#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test may stop"
)]

mod support;

use std::collections::BTreeMap;

use kubeproof::logic::bind::bind;
use kubeproof::logic::formula::{Constraint, Formula};
use kubeproof::lower::Lowered;
use kubeproof::model::entity::EntityId;
use kubeproof::network::header::Header;
use kubeproof::network::trace::{Disposition, Journey, Outcome};
use kubeproof::sim::eval::{Assignment, Evaluator, EventRecord, Value};
use kubeproof::sim::walk;
use kubeproof::smt::backend::Z3;
use kubeproof::smt::solver::Solver;
use kubeproof::verify::direct;
use kubeproof::verify::verdict::Verdict;
use support::rng::Rng;
use support::{formulas, stages, threads};

/// A message with more outcomes is not tried, and its network left out.
const MOST: usize = 400;

#[test]
fn solver_and_simulator_agree_on_networks_of_stages() {
    let text = std::env::var("KUBEPROOF_SEEDS").unwrap_or_else(|_| "0..100".to_owned());
    let (first, last) = text.split_once("..").unwrap();
    let (first, last): (u64, u64) = (first.parse().unwrap(), last.parse().unwrap());
    let seeds: Vec<u64> = (first..last).collect();
    let mut wrong = Vec::new();
    let mut counts = BTreeMap::<String, usize>::new();
    for (seed, told) in seeds.iter().zip(threads::each(&seeds, |seed| one(*seed))) {
        for line in told {
            match line {
                Ok(what) => *counts.entry(what).or_default() += 1,
                Err(why) => {
                    eprintln!("seed {seed}: {why}");
                    wrong.push(*seed);
                }
            }
        }
    }
    eprintln!("{first}..{last}: {counts:?}");
    assert!(wrong.is_empty(), "disagreements: seeds {wrong:?}");
    // What never comes up is not tested.
    for what in ["proven", "violated", "unknown"] {
        let seen: usize = counts
            .iter()
            .filter(|(k, _)| k.ends_with(what))
            .map(|(_, n)| n)
            .sum();
        let least = (last - first) as usize / 16;
        assert!(seen >= least, "{what}: {seen} times only");
    }
}

/// A clause about one message.
struct Asked {
    name: String,
    text: String,
    /// The same with the parts of the premise only that can be known without following the message.
    known: String,
    looks_at_answers: bool,
}

/// Random clauses: what is asked of messages, and of which.
fn asked(rng: &mut Rng) -> Vec<Asked> {
    let hops = rng.between(2, 6);
    let conclusions = [
        (
            "received",
            "(exists Z. Recv(e, Z, _, _, _, _))",
            false,
            false,
        ),
        ("replied", "Replied(e)", true, true),
        ("loops", "not Loops(e)", false, true),
        ("hops", &format!("hops(e) <= {hops}"), false, false),
        ("passes", "not passes(e, node(N2))", false, false),
        ("unchanged", "Recv(e, Y, sa, _, ta, tp)", true, false),
    ];
    let mut all = Vec::new();
    for (name, conclusion, received, looks_at_answers) in conclusions {
        let mut which = vec!["Send(e, X, sa, _, ta, tp)".to_owned()];
        if rng.percent(80) {
            which.push(format!("ta = {}", rng.pick(&stages::HELD)));
        }
        if rng.percent(60) {
            which.push("tp = 80".to_owned());
        }
        if rng.percent(50) {
            which.push("proto(e) = TCP".to_owned());
        }
        if rng.percent(60) {
            let senders = ["container(C1)", "container(C3)", "daemon(D1)"];
            which.push(format!("X = {}", rng.pick(&senders)));
        }
        let known = which.join(" and ");
        if received {
            which.push("Recv(e, Y, _, _, _, _)".to_owned());
        }
        let full = which.join(" and ");
        let front = "forall e, X, sa, ta, tp";
        let y = if received { ", Y" } else { "" };
        all.push(Asked {
            name: name.to_owned(),
            text: format!(
                "constraint {name} \"random\"\n{front}{y}.\n  {full}\n  => {conclusion}\n"
            ),
            known: format!(
                "constraint {name}-known \"random\"\n{front}.\n  {known}\n  => Loops(e)\n"
            ),
            looks_at_answers,
        });
    }
    all
}

fn bound(text: &str, lowered: &Lowered) -> Constraint {
    let read = formulas::read(text).unwrap_or_else(|why| panic!("{why}\n{text}"));
    bind(&read[0], &lowered.structure).unwrap_or_else(|why| panic!("{why:?}\n{text}"))
}

/// The verdicts that both sides came to, or what they do not agree on.
fn one(seed: u64) -> Vec<Result<String, String>> {
    let lowered = stages::network(seed);
    let mut rng = Rng::new(seed, 12);
    let asked = asked(&mut rng);
    let constraints: Vec<Constraint> = asked.iter().map(|a| bound(&a.text, &lowered)).collect();
    let mut outcomes = Vec::new();
    for (sender, header) in stages::messages(&lowered) {
        match walk::trace(&lowered.network, sender, header) {
            Ok(trace) if trace.outcomes.len() <= MOST => {
                outcomes.extend(trace.outcomes.into_iter().map(|o| (sender, header, o)));
            }
            _ => return vec![Ok("too many outcomes".to_owned())],
        }
    }
    let checked = direct::check(&lowered, &constraints, direct::Options::default(), &|| {
        Box::new(Z3::new()) as Box<dyn Solver>
    });
    let checked = match checked {
        Ok(checked) => checked,
        Err(why) => return vec![Err(why.to_string())],
    };
    let each = asked.iter().zip(&constraints).zip(&checked.results);
    each.map(|((asked, constraint), result)| {
        let expected = by_trying(&lowered, asked, constraint, &outcomes);
        let (name, ours) = (&asked.name, result.verdict.word());
        if result.verdict == expected {
            Ok(format!("{name} {ours}"))
        } else {
            let (theirs, text) = (expected.word(), &asked.text);
            Err(format!(
                "by the solver {ours} ({}), by trying {theirs}: {text}",
                result.detail
            ))
        }
    })
    .collect()
}

fn by_trying(
    lowered: &Lowered,
    asked: &Asked,
    constraint: &Constraint,
    outcomes: &[(EntityId, Header, Outcome)],
) -> Verdict {
    let known = bound(&asked.known, lowered);
    let (mut premises, mut unknown) = (0, false);
    for (sender, header, outcome) in outcomes {
        let strange = |j: &Journey| j.end == Disposition::Unmodelled;
        let unsure = strange(&outcome.request)
            || asked.looks_at_answers && outcome.reply.as_ref().is_some_and(strange);
        if unsure {
            unknown |= premise(lowered, &known, *sender, *header, outcome).is_some();
        } else if let Some(holds) = premise(lowered, constraint, *sender, *header, outcome) {
            premises += 1;
            if !holds {
                return Verdict::Violated;
            }
        }
    }
    match (unknown, premises) {
        (true, _) => Verdict::Unknown,
        (false, 0) => Verdict::Vacuous,
        (false, _) => Verdict::Proven,
    }
}

/// Whether the clause holds, where its premise does.
fn premise(
    lowered: &Lowered,
    constraint: &Constraint,
    sender: EntityId,
    header: Header,
    outcome: &Outcome,
) -> Option<bool> {
    let (front, body) = constraint.clauses().pop()?;
    let mut values = BTreeMap::new();
    for id in front {
        let value = match constraint.variable(id).name.as_str() {
            "e" => Value::Event(0),
            "X" => Value::Entity(sender),
            "sa" => Value::Address(header.source),
            "ta" => Value::Address(header.destination),
            "tp" => Value::Port(header.destination_port),
            "Y" => Value::Entity(outcome.request.receiver?),
            other => panic!("`{other}` in front"),
        };
        values.insert(id, value);
    }
    let events = vec![EventRecord {
        sender,
        outcome: outcome.clone(),
    }];
    let mut env = Assignment { values, events };
    let evaluator = Evaluator::new(&lowered.structure, &constraint.variables);
    let Formula::Implies(premise, conclusion) = body else {
        panic!("no implication");
    };
    evaluator
        .truth(premise, &mut env)
        .unwrap()
        .then(|| evaluator.truth(conclusion, &mut env).unwrap())
}
