//! URLs that bodies can be posted to.

use crate::settings::{Authorization, Secret};
use axum::http::Uri;
use percent_encoding::percent_decode_str;

/// A URL that bodies can be posted to, and the name and the password that stood in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(super) url: Uri,
    pub(super) authorization: Authorization,
}

impl std::str::FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Endpoint, String> {
        // A password must not be shown: what stands before the host is cut out first.
        let (start, rest) = text.split_once("://").unwrap_or(("", text));
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (user, shown) = match rest[..end].rsplit_once('@') {
            Some((user, _)) => (Some(user), format!("{start}://{}", &rest[user.len() + 1..])),
            None => (None, text.to_owned()),
        };
        let url: Uri = shown.parse().map_err(|error| format!("{shown:?} is no URL: {error}"))?;
        if !matches!(url.scheme_str(), Some("http" | "https")) || url.host().is_none_or(str::is_empty) {
            return Err(format!("{shown:?} is no URL with http or https and a host"));
        }
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let authorization = user.map_or(Authorization::None, |user| {
            let (username, password) = user.split_once(':').unwrap_or((user, ""));
            Authorization::Basic {
                username: decoded(username),
                password: Secret::Text(decoded(password)),
            }
        });
        Ok(Endpoint { url, authorization })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_have_http_and_a_host() {
        for (good, url) in [
            ("http://alertmanager:9093/prefix", "http://alertmanager:9093/prefix"),
            ("https://x", "https://x/"),
            ("http://u:p%40ss@[::1]:80/a@b", "http://[::1]:80/a@b"),
        ] {
            assert_eq!(good.parse::<Endpoint>().expect(good).url, url, "{good}");
        }
        for bad in ["alertmanager:9093", "ftp://x", "/path", "http://", "a b", "http://u:p@"] {
            assert!(bad.parse::<Endpoint>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_and_a_password_are_taken_out_and_not_shown() {
        let endpoint: Endpoint = "https://me:p%40ss@host/x".parse().expect("a URL");
        let basic = Authorization::Basic {
            username: "me".to_owned(),
            password: Secret::Text("p@ss".to_owned()),
        };
        assert_eq!(
            (endpoint.url.to_string().as_str(), &endpoint.authorization),
            ("https://host/x", &basic)
        );
        assert!(!format!("{endpoint:?}").contains("ss\""));
        let problem = "ftp://me:word@host".parse::<Endpoint>().expect_err("no http");
        assert!(!problem.contains("word"), "{problem}");
    }
}
