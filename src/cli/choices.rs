//! Arguments that say how Kubernetes objects become a cluster.
//!
//! Must never know: which command they belong to.

use kubeproof::input;
use kubeproof::model::inet::IpNet;

/// What every command that reads clusters takes.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Choices {
    /// Make one cluster of the Kubernetes objects of all PATHs
    #[arg(long)]
    together: bool,

    /// Take for granted that objects of this kind, which is not modelled, change nothing; repeatable
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    ignore_kind: Vec<String>,

    /// Where pods that have no address yet get one from; repeatable, or with commas
    #[arg(long, value_name = "CIDR", value_delimiter = ',', value_parser = cidr)]
    pod_cidr: Vec<IpNet>,
}

fn cidr(text: &str) -> Result<IpNet, String> {
    let net: IpNet = text
        .parse()
        .map_err(|_| "write a prefix such as 10.244.0.0/16".to_owned())?;
    if net.trunc() == net {
        Ok(net)
    } else {
        Err(format!(
            "it has bits set beyond its length; write {}",
            net.trunc()
        ))
    }
}

impl Choices {
    /// For the library; `incomplete` are the PATHs of which something could not be read.
    pub(crate) fn of(&self, incomplete: &[String]) -> input::Choices {
        input::Choices {
            together: self.together,
            ignore_kinds: self.ignore_kind.clone(),
            pod_cidrs: self.pod_cidr.clone(),
            incomplete: incomplete.to_vec(),
        }
    }
}
