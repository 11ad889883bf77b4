//! The report for people: verdict first, then what and why.
//!
//! Must never know: other formats, the terminal (colours are asked for by the caller).

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use crate::base::source::Span;
use crate::model::cluster::{Address, Cluster, Process};
use crate::model::entity::{EntityId, EntityKind};
use crate::model::inet::{IpNet, show_net};
use crate::verify::verdict::{CheckResult, Counterexample, Verdict, Wanted, Witness};

use super::fate::Blame;
use super::names::{Names, printable};
use super::run::{ClusterReport, Run, Verified};
use super::trace::{Teller, place};

/// How much is told.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Only what is not proven.
    pub quiet: bool,
}

/// Styles of the verdicts; stripped where standard output is no terminal.
fn style(verdict: Verdict) -> Style {
    let color = match verdict {
        Verdict::Proven => AnsiColor::Green,
        Verdict::Violated => AnsiColor::Red,
        Verdict::Unknown => AnsiColor::Yellow,
        Verdict::Vacuous | Verdict::Waived => AnsiColor::BrightBlack,
    };
    color.on_default()
}

fn mark(verdict: Verdict) -> char {
    match verdict {
        Verdict::Proven => '✓',
        Verdict::Violated => '✗',
        Verdict::Unknown => '?',
        Verdict::Vacuous => '∅',
        Verdict::Waived => '~',
    }
}

/// The whole run.
pub fn render(run: &Run, options: Options) -> String {
    let mut out = String::new();
    for cluster in &run.clusters {
        render_cluster(&mut out, run, cluster, options);
        // A trace ends with an empty line already.
        if !out.ends_with("\n\n") {
            out.push('\n');
        }
    }
    let s = run.summary();
    let mut counts = Vec::new();
    for (count, verdict) in [
        (s.violated, Verdict::Violated),
        (s.unknown, Verdict::Unknown),
        (s.proven, Verdict::Proven),
        (s.vacuous, Verdict::Vacuous),
        (s.waived, Verdict::Waived),
    ] {
        if count > 0 {
            counts.push(format!("{count} {}", verdict.word()));
        }
    }
    if s.failed > 0 {
        counts.push(format!("{} not verified", plural(s.failed, "cluster")));
    }
    if counts.is_empty() {
        counts.push("nothing was checked".to_owned());
    }
    let _ = writeln!(
        out,
        "{}: {}",
        plural(s.clusters, "cluster"),
        counts.join(", ")
    );
    out
}

fn plural(count: usize, word: &str) -> String {
    if count == 1 {
        format!("1 {word}")
    } else {
        format!("{count} {word}s")
    }
}

fn render_cluster(out: &mut String, run: &Run, report: &ClusterReport, options: Options) {
    let bold = Style::new().bold();
    let name = printable(&report.name);
    let path = if report.path == report.name {
        String::new()
    } else {
        format!("  {}", printable(&report.path))
    };
    let Some(verified) = &report.verified else {
        let red = style(Verdict::Violated).bold();
        let _ = writeln!(
            out,
            "{red}NOT VERIFIED{red:#}  {bold}{name}{bold:#}{path}: see the errors"
        );
        return;
    };
    let overall = overall(&verified.results);
    let tint = style(overall).bold();
    let _ = writeln!(
        out,
        "{tint}{}{tint:#}  {bold}{name}{bold:#}{path}",
        headline(overall)
    );
    let names = Names::with_stages(&verified.cluster, &verified.lowered);
    let mut results: Vec<&CheckResult> = verified.results.iter().collect();
    // What needs a person comes first.
    results.sort_by_key(|r| match r.verdict {
        Verdict::Violated => 0,
        Verdict::Unknown => 1,
        _ => 2,
    });
    let width = results
        .iter()
        .map(|r| label(r).chars().count())
        .max()
        .unwrap_or(0);
    for result in results {
        if options.quiet
            && matches!(
                result.verdict,
                Verdict::Proven | Verdict::Vacuous | Verdict::Waived
            )
        {
            continue;
        }
        let tint = style(result.verdict);
        let line = format!(
            "  {tint}{} {:8}{tint:#}  {:width$}  {}",
            mark(result.verdict),
            result.verdict.word(),
            label(result),
            printable(&result.title)
        );
        let _ = writeln!(out, "{}", line.trim_end());
        match &result.counterexample {
            Some(counterexample) => {
                let Some(beyond) = &counterexample.beyond else {
                    render_counterexample(out, run, verified, &names, counterexample);
                    continue;
                };
                let _ = writeln!(out, "      with a pod that could be added:\n");
                for line in beyond.yaml.lines() {
                    let _ = writeln!(out, "        {}", printable(line));
                }
                out.push('\n');
                let extended = Verified {
                    cluster: beyond.cluster.clone(),
                    lowered: beyond.lowered.clone(),
                    assumptions: Vec::new(),
                    results: Vec::new(),
                    findings: Vec::new(),
                };
                let names = Names::with_stages(&extended.cluster, &extended.lowered);
                render_counterexample(out, run, &extended, &names, counterexample);
            }
            None if result.verdict != Verdict::Proven && !result.detail.is_empty() => {
                let _ = writeln!(out, "      {}", printable(&result.detail));
            }
            None => {}
        }
    }
    render_footer(out, run, verified, options);
}

/// The id, and the name where it says more.
fn label(result: &CheckResult) -> String {
    let id = printable(&result.id);
    if result.constraint == result.id {
        id
    } else {
        format!("{id} {}", printable(&result.constraint))
    }
}

fn render_footer(out: &mut String, run: &Run, verified: &Verified, options: Options) {
    for finding in &verified.findings {
        let at = finding
            .source
            .map(|span| format!("  {}", place(&run.sources, span)))
            .unwrap_or_default();
        let _ = writeln!(
            out,
            "  {}: {} [{}]{at}",
            finding.severity,
            printable(&finding.message),
            finding.id
        );
    }
    if options.quiet {
        return;
    }
    let about_messages =
        |r: &&CheckResult| r.verdict == Verdict::Proven && r.detail.contains("messages");
    if let Some(result) = verified.results.iter().find(about_messages) {
        let _ = writeln!(out, "  proven: for {}", result.detail);
    }
    for assumption in &verified.assumptions {
        let _ = writeln!(
            out,
            "  assuming {}={}: {}",
            assumption.id, assumption.value, assumption.meaning
        );
    }
}

/// The worst of the verdicts: what the exit code says of the cluster.
fn overall(results: &[CheckResult]) -> Verdict {
    let has = |verdict| results.iter().any(|r| r.verdict == verdict);
    if has(Verdict::Violated) {
        Verdict::Violated
    } else if has(Verdict::Unknown) {
        Verdict::Unknown
    } else if has(Verdict::Proven) || has(Verdict::Waived) {
        Verdict::Proven
    } else {
        Verdict::Vacuous
    }
}

fn headline(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Proven | Verdict::Waived => "PROVEN",
        Verdict::Violated => "VIOLATED",
        Verdict::Unknown => "UNKNOWN",
        Verdict::Vacuous => "NOTHING CHECKED",
    }
}

fn render_counterexample(
    out: &mut String,
    run: &Run,
    verified: &Verified,
    names: &Names<'_>,
    counterexample: &Counterexample,
) {
    let teller = Teller {
        names,
        network: counterexample.network_in(&verified.lowered.network),
        sources: &run.sources,
    };
    for message in &counterexample.messages {
        let broken = message.trace.outcomes.first();
        let mut fate = broken.map(|o| teller.fate(o)).unwrap_or_default();
        let receiver = broken.and_then(|o| o.request.receiver);
        match counterexample.wanted {
            Some(Wanted::Received(id)) if receiver.is_some_and(|r| r != id) => {
                let _ = write!(fate, ", and not {}", names.with_kind(id));
            }
            Some(Wanted::Received(id)) if receiver.is_none() => {
                let _ = write!(fate, "; it was for {}", names.with_kind(id));
            }
            _ => {}
        }
        let _ = writeln!(
            out,
            "      {} sends {}: {fate}",
            names.with_kind(message.sender),
            message.header
        );
        for blame in broken.iter().flat_map(|o| teller.blame(o)) {
            let Blame { rule, why, at } = blame;
            let at = place(&run.sources, at);
            let _ = writeln!(out, "      look at {at}: {rule}: {why}");
        }
    }
    let values: Vec<String> = counterexample
        .assignment
        .iter()
        .filter(|(_, witness)| !matches!(witness, Witness::Event(_)))
        .map(|(name, witness)| format!("{name} = {}", show_witness(*witness, names)))
        .collect();
    if !values.is_empty() {
        let _ = writeln!(out, "      with {}", values.join(", "));
    }
    if counterexample.messages.is_empty() {
        for (_, witness) in &counterexample.assignment {
            if let Witness::Entity(id) = witness
                && let Some(at) = place_of(verified, *id)
            {
                let name = names.with_kind(*id);
                let held = addresses(verified, *id);
                let _ = writeln!(
                    out,
                    "        {name}{held} is written at {}",
                    place(&run.sources, at)
                );
            }
        }
    }
    for message in &counterexample.messages {
        out.push('\n');
        if let [outcome] = message.trace.outcomes.as_slice() {
            out.push_str(&teller.outcome(outcome, "        ", false));
        } else if let Some(outcome) = message.trace.outcomes.first() {
            let more = message.trace.outcomes.len() - 1;
            let way: Vec<String> = outcome
                .choices
                .iter()
                .map(|(at, rule, way)| teller.choice(*at, *rule, *way))
                .collect();
            let others = if more == 1 {
                "1 other outcome".to_owned()
            } else {
                format!("{more} other outcomes")
            };
            let _ = writeln!(
                out,
                "        where {}; {others}: `kubeproof trace`",
                way.join(", ")
            );
            out.push_str(&teller.outcome(outcome, "        ", false));
        }
        out.push('\n');
    }
}

/// Where an entity is written.
fn place_of(verified: &Verified, id: EntityId) -> Option<Span> {
    let c = &verified.cluster;
    let process = |all: &[Process]| all.iter().find(|p| p.id == id).map(|p| p.origin);
    match c.kind_of(id) {
        EntityKind::Pod => c.pods.iter().find(|p| p.id == id).map(|p| p.origin),
        EntityKind::Node => c.nodes.iter().find(|n| n.id == id).map(|n| n.origin),
        EntityKind::Service => c.services.iter().find(|s| s.id == id).map(|s| s.origin),
        EntityKind::External => c.externals.iter().find(|x| x.id == id).map(|x| x.origin),
        EntityKind::Container => c.pods.iter().find_map(|p| process(&p.containers)),
        EntityKind::Daemon => c.nodes.iter().find_map(|n| process(&n.daemons)),
        EntityKind::Outside | EntityKind::Stage => None,
    }
}

/// `, which has 10.1.1.1,`; nothing for what never has an address.
fn addresses(verified: &Verified, id: EntityId) -> String {
    if verified.cluster.kind_of(id).is_process() {
        return String::new();
    }
    let mut nets = nets_of(&verified.cluster, id);
    nets.sort_unstable();
    let held: Vec<String> = nets.into_iter().map(show_net).collect();
    if held.is_empty() {
        ", which has no address,".to_owned()
    } else {
        format!(", which has {},", held.join(" and "))
    }
}

fn nets_of(c: &Cluster, id: EntityId) -> Vec<IpNet> {
    let hosts = |all: &[Address]| all.iter().map(|a| IpNet::from(a.ip)).collect();
    let pod = c
        .pods
        .iter()
        .find(|p| p.id == id)
        .map(|p| hosts(&p.addresses));
    let node = || {
        c.nodes
            .iter()
            .find(|n| n.id == id)
            .map(|n| hosts(&n.addresses))
    };
    let service = || {
        c.services
            .iter()
            .find(|s| s.id == id)
            .map(|s| hosts(&s.addresses))
    };
    let external = || {
        c.externals
            .iter()
            .find(|x| x.id == id)
            .map(|x| x.prefixes.clone())
    };
    pod.or_else(node)
        .or_else(service)
        .or_else(external)
        .unwrap_or_default()
}

fn show_witness(witness: Witness, names: &Names<'_>) -> String {
    match witness {
        Witness::Entity(id) => names.short(id),
        Witness::Address(ip) => ip.to_string(),
        Witness::Port(port) => port.to_string(),
        Witness::Protocol(protocol) => protocol.to_string(),
        Witness::Event(index) => format!("message {}", index + 1),
    }
}
