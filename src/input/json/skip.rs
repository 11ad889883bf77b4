//! Which parts of an object nobody reads: most of what `kubectl` prints.
//!
//! Knows: where the readers of `kubernetes` look, by the very tables that they ignore. Must never know: what the rest
//! means. What is skipped stays in the tree as an empty value of its kind, so that it is there and not null.

use crate::input::kubernetes::pod::{CONTAINER, SPEC, STATUS};
use crate::input::kubernetes::{KINDS, WORKLOADS};

/// A part of a text, by what is read of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::input) enum Part {
    /// All of it.
    All,
    /// Nothing of it.
    Nothing,
    /// An object.
    Object(Class),
    /// Its `metadata`.
    Meta,
    /// `spec` of a pod.
    PodSpec,
    /// Containers.
    Containers,
    /// `status` of a pod.
    PodStatus,
    /// `status` of a node.
    NodeStatus,
    /// `spec` of a workload, or of its job.
    Workload,
    /// A pod template.
    Template,
}

/// What kind of object it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::input) enum Class {
    /// Not known yet.
    Unknown,
    /// A pod.
    Pod,
    /// A node.
    Node,
    /// One with a pod template.
    Workload,
    /// Another that is read.
    Read,
    /// One that is not read.
    Unread,
}

/// What is read of `metadata`.
const META: [&str; 6] = [
    "name",
    "generateName",
    "namespace",
    "labels",
    "deletionTimestamp",
    "ownerReferences",
];

impl Class {
    /// By the word after `kind`.
    pub(in crate::input) fn of(kind: &str) -> Self {
        match kind {
            "Pod" => Self::Pod,
            "Node" => Self::Node,
            _ if WORKLOADS.contains(&kind) => Self::Workload,
            // Our own, and lists of any kind.
            "Cluster" | "Intent" | "LinuxSnapshot" => Self::Read,
            _ if kind.ends_with("List") || KINDS.iter().any(|(_, _, k)| *k == kind) => Self::Read,
            _ => Self::Unread,
        }
    }
}

impl Part {
    /// What is read of the value of a key.
    #[must_use]
    pub(in crate::input) fn below(self, key: &str) -> Self {
        let unless = |skipped: bool| if skipped { Self::Nothing } else { Self::All };
        match self {
            Self::All => Self::All,
            Self::Nothing => Self::Nothing,
            Self::Object(class) => match (class, key) {
                (Class::Unknown | Class::Read, _) | (_, "apiVersion" | "kind") => Self::All,
                (_, "metadata") => Self::Meta,
                (Class::Unread, _) => Self::Nothing,
                (Class::Pod, "spec") => Self::PodSpec,
                (Class::Pod, "status") => Self::PodStatus,
                (Class::Node, "status") => Self::NodeStatus,
                (Class::Workload, "spec") => Self::Workload,
                _ => Self::All,
            },
            Self::Meta => unless(!META.contains(&key)),
            Self::PodSpec => match key {
                "containers" | "initContainers" => Self::Containers,
                _ => unless(SPEC.contains(&key)),
            },
            Self::Containers => unless(CONTAINER.contains(&key)),
            Self::PodStatus => unless(STATUS.contains(&key)),
            Self::NodeStatus => unless(key != "addresses"),
            Self::Workload => match key {
                "template" => Self::Template,
                "jobTemplate" => Self::Object(Class::Workload),
                _ => Self::All,
            },
            Self::Template => match key {
                "metadata" => Self::Meta,
                "spec" => Self::PodSpec,
                _ => Self::All,
            },
        }
    }

    /// The same once a text of the object is known: its kind says what it is.
    #[must_use]
    pub(in crate::input) fn told(self, key: &str, text: &str) -> Self {
        match self {
            Self::Object(Class::Unknown) if key == "kind" => Self::Object(Class::of(text)),
            _ => self,
        }
    }
}
