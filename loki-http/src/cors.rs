//! Leave for pages of other origins to ask the server from inside a browser.

use crate::settings::CorsSettings;
use axum::http::{HeaderName, HeaderValue, Method};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

/// What scripts may read of an answer beside what they always may.
const EXPOSED: [HeaderName; 1] = [HeaderName::from_static("x-delete-request-id")];

/// Answers what a browser asks before a request, and marks the answers to the requests themselves.
pub(crate) fn layer(settings: &CorsSettings) -> CorsLayer {
    let origins = settings.allowed_origins.iter();
    let origin = match settings.allowed_origins.iter().any(|origin| origin == "*") {
        true => AllowOrigin::any(),
        // One that is no header value is no origin that a browser could send.
        false => AllowOrigin::list(origins.filter_map(|origin| HeaderValue::try_from(origin).ok())),
    };
    CorsLayer::new()
        .allow_origin(origin)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(EXPOSED)
        .max_age(settings.max_age)
}
