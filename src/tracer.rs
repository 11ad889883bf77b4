//! What happens to the messages of a question.
//!
//! Knows: that of a large cluster only the part that the messages can meet is walked in. Must never know: how questions are
//! spelled (`question`), printing.

use crate::base::diag::Diagnostic;
use crate::lower::{self, Lowered, lower};
use crate::model::cluster::Cluster;
use crate::model::entity::EntityId;
use crate::model::policy::Settings;
use crate::network::graph::Network;
use crate::network::header::Header;
use crate::network::trace::{Disposition, Trace};
use crate::question::{self, Question};
use crate::reference::QuestionError;
use crate::sim::walk;
use crate::verify::modular::slice::{Around, Slices};
use crate::verify::verdict::Walked;

/// With more processes than these the network of the whole cluster is not made for a few messages.
const SMALL: usize = 400;

/// How often somebody may turn out to be missing in a part. Nobody should.
const MOST_ROUNDS: usize = 8;

/// One cluster, to trace messages in.
#[derive(Debug)]
pub struct Tracer<'c> {
    cluster: &'c Cluster,
    /// The whole network, or all of it but FIBs and links.
    lowered: Lowered,
    /// The parts of a large cluster.
    slices: Option<Slices<'c>>,
}

/// What happened, and where.
#[derive(Debug)]
pub struct Traced {
    /// All outcomes of all messages, the failing ones first.
    pub trace: Trace,
    /// The part that was walked in; none where it was the whole.
    part: Option<Walked>,
}

impl<'c> Tracer<'c> {
    /// Makes the network under these settings, where it is not too large. An error is a mistake of its explicit rules.
    pub fn new(cluster: &'c Cluster, settings: Settings) -> Result<Self, Vec<Diagnostic>> {
        let large = is_ideal(cluster) && processes(cluster) > SMALL;
        Ok(Self {
            cluster,
            lowered: if large {
                lower::without_fibs(cluster)
            } else {
                lower(cluster, &settings)?
            },
            slices: large.then(|| Slices::new(cluster, settings)),
        })
    }

    /// What is known of the cluster: names of stages, and the network where it was made.
    pub fn lowered(&self) -> &Lowered {
        &self.lowered
    }

    /// Walks the messages that a question asks for.
    pub fn trace(&self, question: &Question) -> Result<Traced, QuestionError> {
        let messages = question::messages(self.cluster, &self.lowered, question)?;
        let Some(slices) = &self.slices else {
            let trace = walked(&self.lowered.network, &messages)?;
            return Ok(Traced { trace, part: None });
        };
        let mut around = Around::default();
        for (sender, header) in &messages {
            slices.add_message(&mut around, *sender, header);
        }
        for _ in 0..MOST_ROUNDS {
            let Some(slice) = slices.cut(&around) else {
                break;
            };
            let own = |id: EntityId| slice.own(id).unwrap_or(id);
            let there = messages.iter().map(|(s, h)| (own(*s), *h));
            let there: Vec<(EntityId, Header)> = there.collect();
            let trace = walked(&slice.lowered().network, &there)?;
            let missed = slice.missed(slices, trace.outcomes.iter());
            if missed.is_empty() {
                return Ok(Traced {
                    trace: slice.told_of(trace),
                    part: Some(slice.walked()),
                });
            }
            for id in missed {
                slices.add(&mut around, id);
            }
        }
        let Some((lowered, network)) = slices.whole() else {
            return Err(QuestionError {
                message: "the message can meet too many nodes and endpoints to walk it".to_owned(),
                help: Some("ask about one of the endpoints, or from within the cluster".to_owned()),
            });
        };
        Ok(Traced {
            trace: walked(&lowered.network, &messages)?,
            part: Some(network.clone()),
        })
    }
}

impl Traced {
    /// The network that the trace speaks of.
    pub fn network_in<'n>(&'n self, tracer: &'n Tracer<'_>) -> &'n Network {
        let whole = &tracer.lowered.network;
        self.part.as_ref().map_or(whole, Walked::network)
    }
}

/// All outcomes of all messages, the failing ones first.
fn walked(network: &Network, messages: &[(EntityId, Header)]) -> Result<Trace, QuestionError> {
    let mut outcomes = Vec::new();
    for (sender, header) in messages {
        let trace = walk::trace(network, *sender, *header);
        let trace = trace.map_err(|error| QuestionError {
            message: error.to_string(),
            help: None,
        })?;
        outcomes.extend(trace.outcomes);
    }
    outcomes.sort_by_key(|o| o.disposition == Disposition::Delivered);
    Ok(Trace { outcomes })
}

/// Whether every FIB and link is the ideal one.
fn is_ideal(cluster: &Cluster) -> bool {
    cluster.snapshot.is_none()
        && cluster.fibs.is_empty()
        && cluster.tables.is_empty()
        && cluster.links_added.is_empty()
        && cluster.links_removed.is_empty()
}

fn processes(cluster: &Cluster) -> usize {
    let pods = cluster.pods.iter().map(|p| p.containers.len());
    let nodes = cluster.nodes.iter().map(|n| n.daemons.len());
    pods.sum::<usize>() + nodes.sum::<usize>() + cluster.externals.len()
}
