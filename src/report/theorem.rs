//! The theorem told: what is proven and what the proofs need; or the cluster that breaks it.
//!
//! Must never know: how it was proven.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::json as run_json;
use super::run::Run;
use super::text::{self, Options};
use crate::logic::formula::Constraint;
use crate::theorem::{self, Answer, Assumption, Decided, Lemma, Piece, Scope, assumptions};

/// A goal as it is told.
#[derive(Debug, Clone, Copy)]
pub struct GoalTold<'g> {
    /// The constraint.
    pub constraint: &'g Constraint,
    /// Its proof.
    pub proof: &'g Decided,
    /// The small cluster that shows that the assumptions hold somewhere, if it was asked for.
    pub model: Option<&'g Decided>,
}

/// The counterexample as it is told.
#[derive(Debug, Clone, Copy)]
pub struct BrokenTold<'b> {
    /// The cluster file.
    pub cluster: &'b str,
    /// How many entities it has.
    pub size: usize,
    /// What `verify` says.
    pub run: &'b Run,
    /// The violated constraint.
    pub violated: &'b str,
}

/// Assumptions of a core, parts together: `links (container-pod, pod-node)`.
fn needs(core: &[Piece]) -> Vec<(&'static str, Vec<&'static str>)> {
    let mut all: Vec<(&'static str, Vec<&'static str>)> = Vec::new();
    for piece in core {
        if all.last().is_none_or(|(id, _)| *id != piece.id) {
            all.push((piece.id, Vec::new()));
        }
        if let (false, Some((_, parts))) = (piece.part.is_empty(), all.last_mut()) {
            parts.push(piece.part);
        }
    }
    all
}

fn words(core: &[Piece]) -> String {
    let one = |(id, parts): (&str, Vec<&str>)| {
        if parts.is_empty() {
            id.to_owned()
        } else {
            format!("{id} ({})", parts.join(", "))
        }
    };
    let all: Vec<String> = needs(core).into_iter().map(one).collect();
    if all.is_empty() {
        "nothing".to_owned()
    } else {
        all.join(", ")
    }
}

fn told(out: &mut String, id: &str, title: &str, proof: &Decided) {
    match &proof.answer {
        Answer::Proven(core) => {
            let _ = writeln!(out, "  ✓ proven   {id:28}  {title}");
            let _ = writeln!(out, "             needs {}", words(core));
        }
        Answer::Broken => {
            let _ = writeln!(
                out,
                "  ✗ open     {id:28}  {title}: the assumptions do not give it"
            );
        }
        Answer::Unknown(why) => {
            let _ = writeln!(out, "  ? unknown  {id:28}  {title}: {why}");
        }
    }
}

/// Whose addresses the messages have that are asked about; none where all are.
fn headed_to(goal: &GoalTold<'_>) -> Option<&'static str> {
    match theorem::scope(&goal.constraint.id) {
        Scope::Everywhere => None,
        Scope::Inside => Some("pods and nodes"),
        Scope::Services => Some("pods and Services"),
        Scope::Pods => Some("pods"),
    }
}

/// For people.
pub fn text(goals: &[GoalTold<'_>], lemmas: &[(&Lemma, &Decided)], proven: bool) -> String {
    let mut out = String::from(if proven {
        "PROVEN  clusters of every size that meet the assumptions satisfy\n"
    } else {
        "UNKNOWN  not everything is proven\n"
    });
    let mut used: Vec<&str> = Vec::new();
    for goal in goals {
        let name = format!("{} {}", goal.constraint.id, goal.constraint.name);
        told(&mut out, &name, &goal.constraint.title, goal.proof);
        if let Answer::Proven(core) = &goal.proof.answer {
            if let Some(whose) = headed_to(goal) {
                let _ = writeln!(
                    out,
                    "             of switches no more than what they do with messages to {whose}"
                );
            }
            used.extend(core.iter().map(|p| p.id));
        }
        if goal.model.is_some_and(|m| m.answer != Answer::Broken) {
            out.push_str("             no small cluster was found that meets the assumptions: is it about nothing?\n");
        }
    }
    out.push_str("\nLemmas: which tables meet the switches' contract\n");
    for (lemma, decided) in lemmas {
        told(&mut out, lemma.id, lemma.title, decided);
    }
    out.push_str("\nThe assumptions\n");
    for a in assumptions().iter().filter(|a| used.contains(&a.id)) {
        let _ = writeln!(out, "  {:24}  {}", a.id, a.title);
    }
    if goals
        .iter()
        .all(|g| g.model.is_some_and(|m| m.answer == Answer::Broken))
    {
        out.push_str(
            "\nThe assumptions hold together: for each goal there is a cluster of two nodes that meets them all and sends \
             what it is about.\n",
        );
    }
    let questions: usize = goals
        .iter()
        .flat_map(|g| [Some(g.proof), g.model])
        .flatten()
        .chain(lemmas.iter().map(|(_, d)| *d))
        .map(|d| d.questions)
        .sum();
    let _ = writeln!(
        out,
        "Decided by the solver: {questions} questions. `--without ASSUMPTION` shows the smallest cluster that needs it."
    );
    out
}

fn verdict(decided: &Decided) -> &'static str {
    match decided.answer {
        Answer::Proven(_) => "proven",
        Answer::Broken => "open",
        Answer::Unknown(_) => "unknown",
    }
}

fn core(decided: &Decided) -> Value {
    match &decided.answer {
        Answer::Proven(core) => {
            let all = needs(core).into_iter();
            all.map(|(id, parts)| json!({"id": id, "parts": parts}))
                .collect()
        }
        Answer::Broken | Answer::Unknown(_) => Value::Null,
    }
}

fn goal(told: &GoalTold<'_>) -> Value {
    json!({
        "id": told.constraint.id,
        "constraint": told.constraint.name,
        "title": told.constraint.title,
        "verdict": verdict(told.proof),
        "needs": core(told.proof),
        "headedTo": headed_to(told),
        "questions": told.proof.questions,
        "inhabited": told.model.map(|m| m.answer == Answer::Broken),
    })
}

/// `schemaVersion: 1`.
pub fn json(goals: &[GoalTold<'_>], lemmas: &[(&Lemma, &Decided)], proven: bool) -> String {
    let lemmas: Vec<Value> = lemmas
        .iter()
        .map(|(l, d)| json!({"id": l.id, "title": l.title, "verdict": verdict(d), "needs": core(d), "questions": d.questions}))
        .collect();
    let about = |a: &Assumption| match a.about {
        crate::theorem::About::Cluster => "cluster",
        crate::theorem::About::Switch => "switch",
    };
    let all: Vec<Value> = assumptions()
        .iter()
        .map(|a| json!({"id": a.id, "title": a.title, "about": about(a), "parts": a.parts}))
        .collect();
    pretty(&json!({
        "schemaVersion": 1,
        "verdict": if proven { "proven" } else { "unknown" },
        "goals": goals.iter().map(goal).collect::<Vec<_>>(),
        "lemmas": lemmas,
        "assumptions": all,
    }))
}

fn pretty(value: &Value) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}

/// Without an assumption, for people. What is printed with a counterexample is a cluster file as a whole.
pub fn text_without(
    a: &Assumption,
    goals: &[GoalTold<'_>],
    broken: Option<&BrokenTold<'_>>,
) -> String {
    let open = goals
        .iter()
        .filter(|g| !matches!(g.proof.answer, Answer::Proven(_)));
    let open: Vec<&str> = open.map(|g| g.constraint.id.as_str()).collect();
    if open.is_empty() {
        let all: Vec<&str> = goals.iter().map(|g| g.constraint.id.as_str()).collect();
        return format!(
            "{} is not needed: {} are proven without it\n",
            a.id,
            all.join(", ")
        );
    }
    let lost = format!("without {} there is no proof of {}", a.id, open.join(", "));
    let Some(broken) = broken else {
        return format!("UNKNOWN  {lost}, and no small cluster was found that breaks one\n");
    };
    let mut out = broken.cluster.to_owned();
    let _ = writeln!(out, "# {lost}.");
    let _ = writeln!(
        out,
        "# This cluster of {} entities is the smallest that was found to break one of them, {}:",
        broken.size, broken.violated
    );
    out.push_str("#\n");
    for line in text::render(broken.run, Options { quiet: true }).lines() {
        let _ = writeln!(out, "{}", format!("# {line}").trim_end());
    }
    out
}

/// The same as JSON.
pub fn json_without(
    a: &Assumption,
    goals: &[GoalTold<'_>],
    broken: Option<&BrokenTold<'_>>,
) -> String {
    let needed = goals
        .iter()
        .any(|g| !matches!(g.proof.answer, Answer::Proven(_)));
    let counterexample = broken.map(|b| {
        let run: Value = serde_json::from_str(&run_json::render(b.run)).unwrap_or_default();
        let results = run["clusters"][0]["results"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let result = results.into_iter().find(|r| r["id"] == b.violated);
        json!({"constraint": b.violated, "size": b.size, "cluster": b.cluster, "result": result})
    });
    pretty(&json!({
        "schemaVersion": 1,
        "without": a.id,
        "title": a.title,
        "needed": needed,
        "goals": goals.iter().map(goal).collect::<Vec<_>>(),
        "counterexample": counterexample,
    }))
}
