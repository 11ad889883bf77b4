//! The neutral cluster: what was read, whichever front end read it.
//!
//! Must never know: YAML, the Kubernetes API's spelling, switches and FIB lookups, formulas, the solver.

pub mod cluster;
pub mod entity;
pub mod inet;
pub mod intent;
pub mod labels;
pub mod linux;
pub mod listener;
pub mod policy;
pub mod reading;
pub mod regions;
pub mod route;
pub mod service;
pub mod table;
