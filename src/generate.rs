//! Clusters of any size, written out piece by piece: for benchmarks, for tests, for people who want to try.
//!
//! Knows: a plan of names and addresses in which everything can be computed from its number, and how it is spelled in
//! each format. Must never know: how any of it is read or verified; files on disk. Nothing here holds a cluster: what is
//! written is the same for the same wishes and the same seed, and conforms unless a fault is asked for.

mod cluster;
mod fault;
mod kubernetes;
mod plan;
mod pod;
mod policy;
mod rng;
mod routes;
mod small;
mod snapshot;

use std::fmt::{self, Write};

pub use fault::{ALL as ALL_FAULTS, Fault};
use plan::Plan;
pub use snapshot::Put;

/// What to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// A cluster file, as JSON.
    #[default]
    Cluster,
    /// Its route tables (docs/route-tables.md).
    Routes,
    /// What `kubectl get -o json` prints of nodes, pods, services and policies: a `List`, its items before its kind.
    Kubernetes,
    /// A `PodList`, whose items do not say what they are.
    PodList,
    /// Small pods by themselves, each with labels of its own, and policies.
    Pods,
    /// A Linux snapshot, which is a folder: [`Generator::files`].
    Snapshot,
}

/// How large, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// What to write.
    pub format: Format,
    /// Nodes.
    pub nodes: u32,
    /// Pods on each of them.
    pub pods: u32,
    /// Containers in each pod.
    pub containers: u32,
    /// Services.
    pub services: u32,
    /// NetworkPolicies.
    pub policies: u32,
    /// Namespaces; chosen by the number of pods where it is none.
    pub namespaces: Option<u32>,
    /// Bytes of each pod, as `kubectl` prints it, at least.
    pub pad: usize,
    /// IPv6 addresses too.
    pub dual_stack: bool,
    /// The name of the route tables that the cluster file speaks of.
    pub tables: Option<String>,
    /// What the choices hang on.
    pub seed: u64,
    /// What is wrong.
    pub faults: Vec<Fault>,
}

impl Default for Wish {
    fn default() -> Self {
        Self {
            format: Format::Cluster,
            nodes: 2,
            pods: 2,
            containers: 1,
            services: 0,
            policies: 0,
            namespaces: None,
            pad: 0,
            dual_stack: false,
            tables: None,
            seed: 1,
            faults: Vec::new(),
        }
    }
}

/// Writes it.
#[derive(Debug)]
pub struct Generator {
    wish: Wish,
    plan: Plan,
}

impl Generator {
    /// What stands in the way of a wish is told in a person's words.
    pub fn new(wish: Wish) -> Result<Self, String> {
        let plan = Plan::new(&wish)?;
        if wish.format == Format::Snapshot {
            snapshot::possible(&wish, &plan)?;
        }
        for fault in &wish.faults {
            fault::possible(*fault, &wish, &plan)?;
        }
        let clusters = matches!(wish.format, Format::Cluster | Format::Routes);
        if clusters && wish.policies > 0 {
            return Err(
                "a cluster file holds no policies: `--format kubernetes` or `pods`".to_owned(),
            );
        }
        if wish.tables.is_some() && wish.format != Format::Cluster {
            return Err("only a cluster file speaks of route tables".to_owned());
        }
        Ok(Self { wish, plan })
    }

    /// Writes all of it; the only error is the writer's. A snapshot is no one text.
    pub fn write(&self, out: &mut dyn Write) -> fmt::Result {
        let (wish, plan) = (&self.wish, &self.plan);
        match wish.format {
            Format::Cluster => cluster::write(wish, plan, out),
            Format::Routes => routes::write(wish, plan, out),
            Format::Kubernetes => kubernetes::list(wish, plan, out),
            Format::PodList => kubernetes::pod_list(wish, plan, out),
            Format::Pods => small::write(wish, plan, out),
            Format::Snapshot => Err(fmt::Error),
        }
    }

    /// Writes what is a folder, file by file; the only error is the taker's.
    pub fn files<E>(&self, put: &mut Put<'_, E>) -> Result<(), E> {
        snapshot::write(&self.wish, &self.plan, put)
    }
}
