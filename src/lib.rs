//! kubeproof
