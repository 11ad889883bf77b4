//! What is known of the input as a whole, where it was Kubernetes objects.
//!
//! Must never know: entities, what follows for verdicts.

use super::inet::IpNet;
use crate::base::source::Span;

/// An object that can change who reaches whom, of a kind that is not modelled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmodelled {
    /// Its kind.
    pub kind: String,
    /// Its apiVersion.
    pub api_version: String,
    /// Where it is written.
    pub origin: Span,
}

/// Objects of one kind that are not read and change nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// The kind.
    pub kind: String,
    /// The apiVersion.
    pub api_version: String,
    /// How many there are.
    pub count: usize,
    /// Where the first is written.
    pub origin: Span,
}

/// What is known of the input as a whole, where it was Kubernetes objects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts of the input"
)]
pub struct Reading {
    /// Whether the cluster was made of Kubernetes objects, and not of a cluster file.
    pub objects: bool,
    /// Whether pods stand for templates or manifests, which come up ready.
    pub templates: bool,
    /// Whether addresses of pods or nodes were chosen.
    pub addresses_chosen: bool,
    /// `--pod-cidr`: where pods without an address may get one; anywhere private where it is not given.
    pub pod_cidrs: Vec<IpNet>,
    /// Whether the node of a pod, or a node itself, was chosen.
    pub nodes_chosen: bool,
    /// What makes verdicts about reachability unknown.
    pub unmodelled: Vec<Unmodelled>,
    /// The same, which the user wants ignored.
    pub ignored: Vec<Unmodelled>,
    /// What is not read.
    pub unread: Vec<Unread>,
}
