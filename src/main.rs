//! The command `kubeproof`.

mod cli;

fn main() {
    println!("{}", z3::full_version());
}
