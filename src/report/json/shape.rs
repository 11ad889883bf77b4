//! The shape of the JSON, `schemaVersion: 1`. The format is the contract (`formats.md`), not our types.
//!
//! Must never know: how the values come to be.

use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RunJson {
    pub(super) schema_version: u32,
    pub(super) clusters: Vec<ClusterJson>,
    pub(super) diagnostics: Vec<DiagnosticJson>,
    pub(super) summary: SummaryJson,
}

#[derive(Serialize)]
pub(super) struct SummaryJson {
    pub(super) clusters: usize,
    pub(super) failed: usize,
    pub(super) proven: usize,
    pub(super) violated: usize,
    pub(super) unknown: usize,
    pub(super) vacuous: usize,
    pub(super) waived: usize,
}

#[derive(Serialize)]
pub(super) struct ClusterJson {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) failed: bool,
    pub(super) assumptions: Vec<AssumptionJson>,
    pub(super) results: Vec<ResultJson>,
    pub(super) findings: Vec<FindingJson>,
    pub(super) diagnostics: Vec<DiagnosticJson>,
}

#[derive(Serialize)]
pub(super) struct AssumptionJson {
    pub(super) id: &'static str,
    pub(super) value: String,
    pub(super) default: bool,
}

#[derive(Serialize)]
pub(super) struct FindingJson {
    pub(super) id: &'static str,
    pub(super) severity: &'static str,
    pub(super) message: String,
    pub(super) source: Option<PlaceJson>,
}

#[derive(Serialize)]
pub(super) struct PlaceJson {
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) column: usize,
}

#[derive(Serialize)]
pub(super) struct DiagnosticJson {
    pub(super) code: &'static str,
    pub(super) severity: &'static str,
    pub(super) message: String,
    pub(super) help: Option<String>,
    pub(super) file: Option<String>,
    pub(super) line: Option<usize>,
    pub(super) column: Option<usize>,
}

#[derive(Serialize)]
pub(super) struct ResultJson {
    pub(super) id: String,
    pub(super) constraint: String,
    pub(super) title: String,
    pub(super) verdict: &'static str,
    pub(super) strategy: &'static str,
    pub(super) queries: usize,
    pub(super) compared: usize,
    pub(super) detail: String,
    pub(super) counterexample: Option<CounterexampleJson>,
    #[serde(skip_serializing_if = "Vec::is_empty", rename = "dependsOn")]
    pub(super) depends_on: Vec<DependenceJson>,
}

#[derive(Serialize)]
pub(super) struct DependenceJson {
    pub(super) assumption: &'static str,
    pub(super) value: &'static str,
    pub(super) verdict: &'static str,
}

#[derive(Serialize)]
pub(super) struct CounterexampleJson {
    pub(super) assignment: serde_json::Map<String, serde_json::Value>,
    pub(super) message: Option<MessageJson>,
    pub(super) trace: Option<TraceJson>,
    pub(super) replayed: bool,
    #[serde(skip_serializing_if = "Vec::is_empty", rename = "otherMessages")]
    pub(super) other_messages: Vec<OtherMessageJson>,
    /// The pods that had to be added, as objects that can be applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) beyond: Option<String>,
}

#[derive(Serialize)]
pub(super) struct OtherMessageJson {
    pub(super) message: MessageJson,
    pub(super) trace: TraceJson,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MessageJson {
    pub(super) sender: String,
    #[serde(flatten)]
    pub(super) header: HeaderJson,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HeaderJson {
    pub(super) source_address: String,
    pub(super) source_port: u16,
    pub(super) destination_address: String,
    pub(super) destination_port: u16,
    pub(super) protocol: String,
}

/// A trace; `trace -o json` prints it.
#[derive(Serialize)]
pub(super) struct TraceJson {
    pub(super) outcomes: Vec<OutcomeJson>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OutcomeJson {
    pub(super) disposition: &'static str,
    pub(super) delivered_to: Option<String>,
    pub(super) delivered_at: Option<String>,
    pub(super) receiver_port: Option<u16>,
    pub(super) sent: HeaderJson,
    pub(super) received: Option<HeaderJson>,
    pub(super) replied: Option<bool>,
    pub(super) reply: Option<Box<TraceJson>>,
    pub(super) choices: Vec<ChoiceJson>,
    pub(super) steps: Vec<StepJson>,
}

#[derive(Serialize)]
pub(super) struct ChoiceJson {
    pub(super) at: String,
    pub(super) rule: String,
    pub(super) chosen: String,
}

#[derive(Serialize)]
pub(super) struct StepJson {
    pub(super) event: &'static str,
    pub(super) at: String,
    /// The place within the namespace; left out where a switch is a whole one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stage: Option<String>,
    pub(super) rule: Option<String>,
    /// What a person should know of the rule; left out where it speaks for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<String>,
    pub(super) header: HeaderJson,
    pub(super) source: Option<PlaceJson>,
    /// What policies decided here; left out where none did.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) policies: Vec<PolicyJson>,
}

#[derive(Serialize)]
pub(super) struct PolicyJson {
    pub(super) policy: String,
    pub(super) decision: &'static str,
    pub(super) direction: String,
    pub(super) source: PlaceJson,
}

impl super::Writer<'_> {
    /// The same about another network.
    pub(super) fn at<'n>(
        &'n self,
        network: &'n crate::network::graph::Network,
    ) -> super::Writer<'n> {
        super::Writer { network, ..*self }
    }
}
