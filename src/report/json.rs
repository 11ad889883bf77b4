//! JSON, `schemaVersion: 1`, as `formats.md` fixes it.
//!
//! Entities in full, addresses as strings, what does not exist as `null`. The structs are private to this file: the
//! format is the contract, not our types. Must never know: text for people.

mod shape;

use serde::Serialize;

use crate::base::diag::{Diagnostic, Severity};
use crate::base::source::{SourceMap, Span};
use crate::model::entity::EntityId;
use crate::network::graph::Network;
use crate::network::header::Header;
use crate::network::trace::{Disposition, Event, Journey, Outcome, Step, Trace};
use crate::verify::verdict::{CheckResult, Counterexample, Message, Witness};

use super::names::Names;
use super::run::{ClusterReport, Run};
use super::trace::Teller;
use shape::{
    AssumptionJson, ChoiceJson, ClusterJson, CounterexampleJson, DependenceJson, DiagnosticJson,
    FindingJson, HeaderJson, MessageJson, OtherMessageJson, OutcomeJson, PlaceJson, PolicyJson,
    ResultJson, RunJson, StepJson, SummaryJson, TraceJson,
};

/// The whole run, pretty, with a line end.
pub fn render(run: &Run) -> String {
    let s = run.summary();
    let json = RunJson {
        schema_version: 1,
        clusters: run.clusters.iter().map(|c| cluster(run, c)).collect(),
        diagnostics: run
            .diagnostics
            .iter()
            .map(|d| diagnostic(&run.sources, d))
            .collect(),
        summary: SummaryJson {
            clusters: s.clusters,
            failed: s.failed,
            proven: s.proven,
            violated: s.violated,
            unknown: s.unknown,
            vacuous: s.vacuous,
            waived: s.waived,
        },
    };
    pretty(&json)
}

/// Diagnostics alone, for commands that end before anything else can be said.
pub fn render_diagnostics(sources: &SourceMap, diagnostics: &[Diagnostic]) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct OnlyDiagnostics {
        schema_version: u32,
        diagnostics: Vec<DiagnosticJson>,
    }
    let diagnostics = diagnostics.iter().map(|d| diagnostic(sources, d)).collect();
    pretty(&OnlyDiagnostics {
        schema_version: 1,
        diagnostics,
    })
}

/// Diagnostics as a JSON list, for documents that are written piece by piece.
pub fn diagnostics_value(sources: &SourceMap, diagnostics: &[Diagnostic]) -> String {
    let all: Vec<DiagnosticJson> = diagnostics.iter().map(|d| diagnostic(sources, d)).collect();
    serde_json::to_string(&all).unwrap_or_default()
}

/// One trace, pretty.
pub fn render_trace(
    trace: &Trace,
    names: &Names<'_>,
    network: &Network,
    sources: &SourceMap,
) -> String {
    pretty(
        &Writer {
            names,
            network,
            sources,
        }
        .trace(trace),
    )
}

/// One trace on one line, without its end.
pub fn render_trace_line(
    trace: &Trace,
    names: &Names<'_>,
    network: &Network,
    sources: &SourceMap,
) -> String {
    serde_json::to_string(
        &Writer {
            names,
            network,
            sources,
        }
        .trace(trace),
    )
    .unwrap_or_default()
}

/// A message and its trace on one line.
pub fn walked(
    sender: EntityId,
    sent: Header,
    trace: &Trace,
    names: &Names<'_>,
    network: &Network,
    sources: &SourceMap,
) -> String {
    let message = MessageJson {
        sender: names.full(sender),
        header: header(sent),
    };
    let message = serde_json::to_string(&message).unwrap_or_default();
    let trace = render_trace_line(trace, names, network, sources);
    format!("{{\"message\": {message}, \"trace\": {trace}}}")
}

fn pretty(value: &impl Serialize) -> String {
    // Strings, numbers and lists cannot fail to be written.
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}

fn diagnostic(sources: &SourceMap, d: &Diagnostic) -> DiagnosticJson {
    let at = d.span.map(|span| place(sources, span));
    DiagnosticJson {
        code: d.code,
        severity: if d.severity == Severity::Error {
            "error"
        } else {
            "warning"
        },
        message: d.message.clone(),
        help: d.help.clone(),
        file: at
            .as_ref()
            .map(|p| p.file.clone())
            .or_else(|| d.file.clone()),
        line: at.as_ref().map(|p| p.line),
        column: at.as_ref().map(|p| p.column),
    }
}

fn place(sources: &SourceMap, span: Span) -> PlaceJson {
    let at = sources.place(span);
    PlaceJson {
        file: sources.get(span.source).name().to_owned(),
        line: at.line,
        column: at.column,
    }
}

fn cluster(run: &Run, report: &ClusterReport) -> ClusterJson {
    let diagnostics = report
        .diagnostics
        .iter()
        .map(|d| diagnostic(&run.sources, d))
        .collect();
    let mut json = ClusterJson {
        name: report.name.clone(),
        path: report.path.clone(),
        failed: report.verified.is_none(),
        assumptions: Vec::new(),
        results: Vec::new(),
        findings: Vec::new(),
        diagnostics,
    };
    let Some(verified) = &report.verified else {
        return json;
    };
    let names = Names::with_stages(&verified.cluster, &verified.lowered);
    let writer = Writer {
        names: &names,
        network: &verified.lowered.network,
        sources: &run.sources,
    };
    json.assumptions = verified
        .assumptions
        .iter()
        .map(|a| AssumptionJson {
            id: a.id,
            value: a.value.clone(),
            default: a.default,
        })
        .collect();
    json.results = verified.results.iter().map(|r| writer.result(r)).collect();
    json.findings = verified
        .findings
        .iter()
        .map(|f| FindingJson {
            id: f.id,
            severity: f.severity,
            message: f.message.clone(),
            source: f.source.map(|span| place(&run.sources, span)),
        })
        .collect();
    json
}

struct Writer<'r> {
    names: &'r Names<'r>,
    network: &'r Network,
    sources: &'r SourceMap,
}

impl Writer<'_> {
    fn result(&self, result: &CheckResult) -> ResultJson {
        ResultJson {
            id: result.id.clone(),
            constraint: result.constraint.clone(),
            title: result.title.clone(),
            verdict: result.verdict.word(),
            strategy: result.strategy,
            queries: result.queries,
            compared: result.compared,
            detail: result.detail.clone(),
            counterexample: result.counterexample.as_ref().map(|c| match &c.beyond {
                None => self.at(c.network_in(self.network)).counterexample(c),
                Some(beyond) => Writer {
                    names: &Names::new(&beyond.cluster),
                    network: c.network_in(self.network),
                    sources: self.sources,
                }
                .counterexample(c),
            }),
            depends_on: result
                .depends_on
                .iter()
                .map(|d| DependenceJson {
                    assumption: d.assumption,
                    value: d.value,
                    verdict: d.verdict.word(),
                })
                .collect(),
        }
    }

    fn counterexample(&self, counterexample: &Counterexample) -> CounterexampleJson {
        let mut messages = counterexample.messages.iter();
        let first = messages.next();
        CounterexampleJson {
            assignment: counterexample
                .assignment
                .iter()
                .map(|(name, witness)| (name.clone(), self.witness(*witness)))
                .collect(),
            message: first.map(|m| self.message(m)),
            trace: first.map(|m| self.trace(&m.trace)),
            replayed: counterexample.replayed,
            other_messages: messages
                .map(|m| OtherMessageJson {
                    message: self.message(m),
                    trace: self.trace(&m.trace),
                })
                .collect(),
            beyond: counterexample.beyond.as_ref().map(|b| b.yaml.clone()),
        }
    }

    fn witness(&self, witness: Witness) -> serde_json::Value {
        match witness {
            Witness::Entity(id) => self.names.full(id).into(),
            Witness::Address(ip) => ip.to_string().into(),
            Witness::Port(port) => port.into(),
            Witness::Protocol(protocol) => protocol.to_string().into(),
            Witness::Event(index) => format!("message {}", index + 1).into(),
        }
    }

    fn message(&self, message: &Message) -> MessageJson {
        MessageJson {
            sender: self.names.full(message.sender),
            header: header(message.header),
        }
    }

    fn trace(&self, trace: &Trace) -> TraceJson {
        TraceJson {
            outcomes: trace.outcomes.iter().map(|o| self.outcome(o)).collect(),
        }
    }

    fn outcome(&self, outcome: &Outcome) -> OutcomeJson {
        let mut json = self.journey(&outcome.request, outcome.sent, outcome.disposition);
        json.replied = outcome.replied;
        json.reply = outcome.reply.as_ref().map(|reply| {
            let sent = reply.steps.first().map_or(outcome.sent, |s| s.header);
            Box::new(TraceJson {
                outcomes: vec![self.journey(reply, sent, reply.end)],
            })
        });
        let teller = self.teller();
        json.choices = outcome
            .choices
            .iter()
            .map(|(at, rule, way)| ChoiceJson {
                at: self.names.full(*at),
                rule: teller.rule(*at, *rule),
                chosen: teller.choice(*at, *rule, *way),
            })
            .collect();
        json
    }

    fn journey(&self, journey: &Journey, sent: Header, disposition: Disposition) -> OutcomeJson {
        let received = journey
            .receiver
            .and_then(|_| journey.steps.last())
            .map(|step| step.header);
        let at = journey.receiver.and_then(|id| self.home(id));
        OutcomeJson {
            disposition: disposition.word(),
            delivered_to: journey.receiver.map(|id| self.names.full(id)),
            delivered_at: at,
            receiver_port: received.map(|h| h.destination_port),
            sent: header(sent),
            received: received.map(header),
            replied: None,
            reply: None,
            choices: Vec::new(),
            steps: self.steps(journey),
        }
    }

    fn steps(&self, journey: &Journey) -> Vec<StepJson> {
        let teller = self.teller();
        let told = journey.steps.iter().filter(|step| teller.speaks(step));
        told.map(|step| self.step(step)).collect()
    }

    fn teller(&self) -> Teller<'_> {
        Teller {
            names: self.names,
            network: self.network,
            sources: self.sources,
        }
    }

    /// The pod or node that a process runs in; an External is its own.
    fn home(&self, process: EntityId) -> Option<String> {
        let switch = self.network.process(process)?.switch;
        let switch = self.network.switch(switch).map_or(switch, |s| s.of);
        let outside = self.names.cluster().outside == Some(switch);
        Some(self.names.full(if outside { process } else { switch }))
    }

    fn step(&self, step: &Step) -> StepJson {
        let (event, rule) = match &step.event {
            Event::Send => ("send", None),
            Event::Lookup { rule, .. } => ("lookup", Some(*rule)),
            Event::Translate { rule, .. } => ("translate", *rule),
            Event::Deliver { rule, .. } => ("deliver", *rule),
            Event::Discard { rule, .. } => ("discard", *rule),
            Event::Receive => ("receive", None),
        };
        let teller = self.teller();
        StepJson {
            event,
            at: self.names.full(step.of),
            stage: self.names.place_in(step.at),
            why: rule.and_then(|index| teller.why(step.at, index)),
            // What a policy forbids dies by the policy's rule.
            rule: teller
                .denied_by(step)
                .or_else(|| rule.map(|index| teller.rule(step.at, index))),
            header: header(step.header),
            source: step.origin.map(|span| place(self.sources, span)),
            policies: step
                .gates
                .iter()
                .filter_map(|passed| teller.decided(*passed))
                .map(|(gate, rule)| PolicyJson {
                    policy: rule.cause.text.clone(),
                    decision: rule.decision.word(),
                    direction: gate.direction.to_string(),
                    source: place(self.sources, rule.cause.origin),
                })
                .collect(),
        }
    }
}

fn header(h: Header) -> HeaderJson {
    HeaderJson {
        source_address: h.source.to_string(),
        source_port: h.source_port,
        destination_address: h.destination.to_string(),
        destination_port: h.destination_port,
        protocol: h.protocol.to_string(),
    }
}
