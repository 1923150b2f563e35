//! Which resource attributes become labels, and what their names become.

use super::super::Error;

/// The resource attributes that become labels by default.
pub(crate) const OTLP_LABELS: [&str; 18] = [
    "service.name",
    "service.namespace",
    "service.instance.id",
    "deployment.environment",
    "deployment.environment.name",
    "cloud.region",
    "cloud.availability_zone",
    "k8s.cluster.name",
    "k8s.namespace.name",
    "k8s.pod.name",
    "k8s.container.name",
    "container.name",
    "k8s.replicaset.name",
    "k8s.deployment.name",
    "k8s.statefulset.name",
    "k8s.daemonset.name",
    "k8s.cronjob.name",
    "k8s.job.name",
];

/// The label name of an attribute: runs of anything but letters and digits become one `_`.
pub(super) fn sanitise(name: &str) -> Result<String, Error> {
    if name.is_empty() {
        return Err(Error::Otlp("symbolizer lookup: label name is empty".to_owned()));
    }
    let is_reserved = name.len() > 4 && name.starts_with("__") && name.ends_with("__");
    let inner = if is_reserved { &name[2..name.len() - 2] } else { name };
    let mut out = String::with_capacity(name.len());
    for c in inner.chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c);
        } else if !out.ends_with('_') {
            out.push('_');
        }
    }
    if out.bytes().all(|byte| byte == b'_') {
        return Err(Error::Otlp(format!(
            "symbolizer lookup: normalization for label name {name:?} resulted in invalid name {out:?}"
        )));
    }
    if is_reserved {
        return Ok(format!("__{}__", out.trim_matches('_')));
    }
    if out.starts_with(|c: char| c.is_ascii_digit()) {
        out.insert_str(0, "key_");
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_label_names() {
        for (name, label) in [
            ("k8s.pod.name", "k8s_pod_name"),
            ("a..b", "a_b"),
            ("a__b", "a_b"),
            ("__a", "_a"),
            ("-a", "_a"),
            ("a__", "a_"),
            ("héllo", "h_llo"),
            ("a é b", "a_b"),
            ("1st", "key_1st"),
            ("9", "key_9"),
            ("ñ1", "_1"),
            ("__meta__", "__meta__"),
            ("__1__", "__1__"),
        ] {
            assert_eq!(sanitise(name), Ok(label.to_owned()), "{name}");
        }
        for name in ["é", "_", "__", "日本", "____"] {
            let text = sanitise(name).expect_err(name).to_string();
            assert!(
                text.contains(&format!("label name {name:?} resulted in invalid name")),
                "{text}"
            );
        }
        assert_eq!(
            sanitise("").expect_err("empty").to_string(),
            "symbolizer lookup: label name is empty"
        );
    }
}
