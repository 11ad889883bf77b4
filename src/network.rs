//! The network graph: switches with FIBs, processes, directed links; headers and traces.
//!
//! Must never know: formulas, the solver, how rules came to be.

pub mod fib;
pub mod gate;
pub mod graph;
pub mod header;
pub mod trace;
