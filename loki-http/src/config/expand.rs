//! `${VAR}` and `${VAR:default}` in the text of a configuration.

/// The text with variables replaced; one that is not set and has no default is empty.
pub(super) fn expand(text: &str, variable: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start..].find('}') else { break };
        let inner = &rest[start + 2..start + length];
        let (name, default) = inner.split_once(':').unwrap_or((inner, ""));
        out.push_str(&rest[..start]);
        match variable(name).filter(|value| !value.is_empty()) {
            Some(value) => out.push_str(&value),
            // The shell's form of a default has a minus.
            None => out.push_str(default.strip_prefix('-').unwrap_or(default)),
        }
        rest = &rest[start + length + 1..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_have_defaults() {
        let variable = |name: &str| (name == "PORT").then(|| "80".to_owned());
        for (text, expanded) in [
            ("port: ${PORT}", "port: 80"),
            ("${PORT:1}${NONE:2}${NONE:-3}${NONE}", "8023"),
            ("${PORT $PORT $ {", "${PORT $PORT $ {"),
            ("a ${PORT", "a ${PORT"),
        ] {
            assert_eq!(expand(text, variable), expanded);
        }
    }
}
