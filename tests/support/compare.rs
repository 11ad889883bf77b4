//! One cluster, decided twice: kubeproof's own way, and by trying every message of the covering set.

use std::collections::BTreeSet;
use std::time::Instant;

use kubeproof::base::source::SourceMap;
use kubeproof::input::{self, Input, Options};
use kubeproof::library::builtins;
use kubeproof::logic::bind::bind;
use kubeproof::logic::formula::Constraint;
use kubeproof::lower::{Lowered, lower};
use kubeproof::model::cluster::Cluster;
use kubeproof::model::entity::EntityId;
use kubeproof::model::policy::Settings;
use kubeproof::network::header::Header;
use kubeproof::network::trace::{Disposition, Event, Journey, Outcome, Trace};
use kubeproof::sim::{measure, walk};
use kubeproof::smt::backend::Z3;
use kubeproof::smt::solver::Solver;
use kubeproof::verify::direct;
use kubeproof::verify::verdict::{CheckResult, Verdict, Witness};

use super::covering::{Covering, Extra};
use super::formulas::{self, Trial};
use super::judge::{self, COUNT, Tally};
use super::oracle::{End, Oracle, Story, Way};
use super::rng::Rng;

/// A formula is tried on all messages where they are no more than this.
const MOST_TRIED: usize = 20_000;
/// How many messages of a cluster go through the simulator too.
const SAMPLE: usize = 200;

/// What came of a cluster.
#[derive(Debug, Default)]
pub struct Report {
    /// Of the built-in constraints, KP001 first.
    pub verdicts: Vec<Verdict>,
    /// What the solver's side says of every constraint, by id.
    pub decided: Vec<(String, Verdict)>,
    /// Of the random formulas that both sides decided.
    pub formulas: Vec<Verdict>,
    /// Formulas that the solver's side cannot put into terms, or that have too many messages to try.
    pub skipped: usize,
    /// Queries that the solver decided.
    pub queries: usize,
    /// Messages that were walked.
    pub messages: usize,
    /// How long the solver's side took, and the other one.
    pub seconds: (f64, f64),
    /// What the two sides do not agree on.
    pub disagreements: Vec<String>,
}

/// A cluster from its text; what is wrong with it where it is none.
pub fn load(yaml: &str) -> Result<Cluster, String> {
    let mut sources = SourceMap::new();
    let source = sources.add("random.yaml", yaml);
    let inputs = [Input {
        source,
        path: "random.yaml".to_owned(),
        named: true,
    }];
    let mut loaded = input::load(&sources, &inputs, Options::default());
    let mistakes: Vec<String> = loaded
        .all_diagnostics()
        .map(|d| format!("{} {}", d.code, d.message))
        .collect();
    let cluster = loaded.clusters.pop().and_then(|c| c.cluster);
    cluster.ok_or_else(|| mistakes.join("; "))
}

/// A cluster's network, or the mistakes.
pub fn lowered(cluster: &Cluster) -> Result<Lowered, String> {
    lower(cluster, &Settings::default()).map_err(|all| {
        all.iter()
            .map(|d| d.message.clone())
            .collect::<Vec<_>>()
            .join("; ")
    })
}

/// The built-in constraints, opt-in ones too.
pub fn constraints() -> Vec<Constraint> {
    let read = |text| formulas::read(text).expect("the built-in constraints are read");
    builtins().iter().flat_map(|b| read(b.text)).collect()
}

/// Decides a cluster twice. An error means that it is no cluster at all.
pub fn cluster(seed: u64, yaml: &str, texts: &[String]) -> Result<Report, String> {
    changed(seed, yaml, texts, |_, _| {})
}

/// Decides a cluster twice, after its network and tables were changed.
pub fn changed(
    seed: u64,
    yaml: &str,
    texts: &[String],
    change: impl Fn(&Cluster, &mut Lowered),
) -> Result<Report, String> {
    let cluster = load(yaml)?;
    let mut lowered = lowered(&cluster)?;
    change(&cluster, &mut lowered);
    let mut all = constraints();
    for text in texts {
        all.extend(formulas::read(text).map_err(|why| format!("{why}\n{text}"))?);
    }
    let bound = all.iter().map(|c| bind(c, &lowered.structure));
    let bound: Vec<Constraint> = bound
        .collect::<Result<_, _>>()
        .map_err(|all| all[0].message.to_string())?;
    let mut report = Report::default();
    let begin = Instant::now();
    let checked = direct::check(&lowered, &bound, direct::Options::default(), &|| {
        Box::new(Z3::new()) as Box<dyn Solver>
    });
    let results = match checked {
        Ok(checked) => checked.results,
        Err(why) => {
            report.disagreements.push(why.to_string());
            return Ok(report);
        }
    };
    report.seconds.0 = begin.elapsed().as_secs_f64();
    report.decided = results.iter().map(|r| (r.id.clone(), r.verdict)).collect();
    report.queries = results.iter().map(|r| r.queries).sum();
    let mut oracle = Oracle::new(&cluster, &lowered.network);
    oracle.said = &lowered.structure.policies;
    let tallies = exhaust(seed, &oracle, &lowered, &mut report);
    for (index, (result, tally)) in results.iter().zip(&tallies).enumerate() {
        report.verdicts.push(result.verdict);
        if result.verdict != tally.verdict() {
            let expected = format!(
                "{}, by trying all messages {}",
                result.verdict.word(),
                tally.verdict().word()
            );
            report.disagreements.push(format!(
                "{}: by the solver {expected}: {:?}",
                result.id, tally.broken
            ));
        } else if result.verdict == Verdict::Violated {
            let wrong = counterexample(&oracle, index, result, tally);
            report
                .disagreements
                .extend(wrong.map(|why| format!("{}: {why}", result.id)));
        }
    }
    for (result, constraint) in results.iter().zip(&bound).skip(COUNT) {
        formula(seed, &oracle, &lowered, result, constraint, &mut report);
    }
    report.seconds.1 = begin.elapsed().as_secs_f64() - report.seconds.0;
    Ok(report)
}

/// Walks every message of the covering set; some of them by the simulator too.
fn exhaust(seed: u64, oracle: &Oracle<'_>, lowered: &Lowered, report: &mut Report) -> Vec<Tally> {
    let mut rng = Rng::new(seed, 2);
    let covering = Covering::new(oracle, &Extra::default(), &mut rng);
    let mut tallies = vec![Tally::default(); COUNT];
    judge::addresses(oracle, &mut tallies[0]);
    let count = covering.count(oracle);
    report.messages += count;
    let every = count / SAMPLE + 1;
    covering.each(oracle, |sender, sent| {
        let stories = oracle.stories(sender, sent);
        for story in &stories {
            judge::story(oracle, sender, sent, story, &mut tallies);
        }
        if rng.below(every) == 0 && report.disagreements.len() < 3 {
            let wrong = simulated(lowered, sender, sent, &stories);
            report.disagreements.extend(wrong.map(|why| {
                format!(
                    "sim: {sent} from {}: {why}",
                    lowered.structure.entities[sender.index()].name
                )
            }));
        }
    });
    for _ in 0..SAMPLE.min(covering.senders.len() * 50) {
        let sender = *rng.pick(&covering.senders);
        let sent = Header {
            protocol: *rng.pick(&kubeproof::model::inet::Protocol::ALL),
            source: *rng.pick(&covering.addresses),
            source_port: rng.below(2) as u16,
            destination: *rng.pick(&covering.addresses),
            destination_port: 1 + rng.below(2) as u16,
        };
        if oracle.honest(sender, &sent) != walk::honest(&lowered.network, sender, &sent) {
            report
                .disagreements
                .push(format!("sim: whether {sent} is honest"));
        }
    }
    tallies
}

/// Whether the simulator tells the same stories; if not, what is different.
fn simulated(
    lowered: &Lowered,
    sender: EntityId,
    sent: Header,
    stories: &[Story],
) -> Option<String> {
    if !walk::honest(&lowered.network, sender, &sent) {
        return Some("not honest".to_owned());
    }
    let trace = match walk::trace(&lowered.network, sender, sent) {
        Ok(trace) => trace,
        Err(why) => return Some(why.to_string()),
    };
    // The failing ones first: dead, or without the answer that the protocol wants.
    let fine = |s: &&Story| {
        s.received().is_some() && (s.replied() || !super::oracle::wants_answer(sent.protocol))
    };
    let (good, bad): (Vec<&Story>, Vec<&Story>) = stories.iter().partition(fine);
    let stories: Vec<&Story> = bad.into_iter().chain(good).collect();
    if stories.len() != trace.outcomes.len() {
        return Some(format!(
            "{} outcomes, by hand {}",
            trace.outcomes.len(),
            stories.len()
        ));
    }
    for (outcome, story) in trace.outcomes.iter().zip(stories) {
        let told = told(lowered, outcome);
        if *story != told {
            return Some(format!("{told:?}\nby hand {story:?}"));
        }
        // As formulas ask for them.
        let visits = &story.way.visits;
        let hops = (story.way.end != End::Loop).then_some(visits.len());
        let passed: BTreeSet<EntityId> = measure::passed(&outcome.request).collect();
        if measure::hops(&outcome.request) != hops || passed != visits.iter().map(|v| v.0).collect()
        {
            return Some(format!(
                "hops or switches passed: {:?}, {passed:?}",
                measure::hops(&outcome.request)
            ));
        }
    }
    None
}

/// An outcome of the simulator in the oracle's words.
fn told(lowered: &Lowered, outcome: &Outcome) -> Story {
    let socket = |journey: &Journey| {
        journey
            .steps
            .iter()
            .any(|s| matches!(s.event, Event::Deliver { rule: None, .. }))
    };
    let way = |journey: &Journey| {
        let mut header = journey.steps[0].header;
        let mut visits = Vec::new();
        for step in &journey.steps {
            let looping = matches!(
                step.event,
                Event::Discard {
                    why: Disposition::Loop,
                    ..
                }
            );
            if lowered.structure.entities[step.at.index()]
                .kind()
                .is_switch()
                && !looping
            {
                visits.push((step.at, header));
            }
            header = step.header;
        }
        let end = match (journey.end, journey.receiver) {
            (Disposition::Loop, _) => End::Loop,
            (_, Some(_)) if socket(journey) => End::Socket,
            (_, Some(by)) => End::Received(by),
            (_, None) => End::Died,
        };
        Way {
            visits,
            end,
            last: header,
        }
    };
    let judged = outcome.reply.is_none() || outcome.replied.is_some();
    Story {
        way: way(&outcome.request),
        answer: outcome.reply.as_ref().map(way),
        judged,
    }
}

/// Whether a counterexample is one, and the least one; if not, why.
fn counterexample(
    oracle: &Oracle<'_>,
    index: usize,
    result: &CheckResult,
    tally: &Tally,
) -> Option<String> {
    let Some(found) = &result.counterexample else {
        return Some("violated without a counterexample".to_owned());
    };
    let entities: Vec<EntityId> = found
        .assignment
        .iter()
        .filter_map(|(_, witness)| match witness {
            Witness::Entity(id) => Some(*id),
            _ => None,
        })
        .collect();
    let least = tally.broken.as_ref()?;
    if entities != least.1 {
        return Some(format!(
            "a counterexample about {entities:?}, the least is {least:?}"
        ));
    }
    let mut own = vec![Tally::default(); COUNT];
    for message in &found.messages {
        if !oracle.honest(message.sender, &message.header) {
            return Some(format!(
                "the counterexample's {} is not honest",
                message.header
            ));
        }
        for story in oracle.stories(message.sender, message.header) {
            judge::story(oracle, message.sender, message.header, &story, &mut own);
        }
    }
    match &own[index].broken {
        _ if found.messages.is_empty() => None,
        None => Some(format!("{} does not break it", found.messages[0].header)),
        Some(own) if own != least => Some(format!(
            "{} gives {own:?}, the least is {least:?}",
            found.messages[0].header
        )),
        Some(_) => None,
    }
}

/// A random formula on all messages.
fn formula(
    seed: u64,
    oracle: &Oracle<'_>,
    lowered: &Lowered,
    result: &CheckResult,
    constraint: &Constraint,
    report: &mut Report,
) {
    // What is not about messages is not tried by sending them.
    let about_messages = constraint
        .variables
        .iter()
        .any(|v| v.sort == kubeproof::logic::formula::Sort::Event);
    if result.verdict == Verdict::Unknown || !about_messages {
        report.skipped += 1;
        return;
    }
    let covering = Covering::new(oracle, &formulas::extra(constraint), &mut Rng::new(seed, 3));
    let count = covering.count(oracle);
    let Some(mut trial) = Trial::new(lowered, constraint).filter(|_| count <= MOST_TRIED) else {
        report.skipped += 1;
        return;
    };
    let mut failed = None;
    covering.each(oracle, |sender, sent| {
        if failed.is_none() && trial.undecided() {
            let traced = walk::trace(&lowered.network, sender, sent).map_err(|e| e.to_string());
            failed = traced
                .and_then(|trace: Trace| trial.message(sender, &trace))
                .err();
        }
    });
    report.formulas.push(result.verdict);
    if let Some(why) = failed {
        report
            .disagreements
            .push(format!("formula {}: {why}", constraint.id));
    } else if trial.verdict() != result.verdict {
        let (ours, theirs) = (result.verdict.word(), trial.verdict().word());
        report.disagreements.push(format!(
            "formula {}: by the solver {ours}, by trying all messages {theirs}",
            constraint.id
        ));
    }
}
