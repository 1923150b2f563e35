//! The server over sockets, with a real engine behind it.

mod delete;
mod push;
mod query;
mod routing;
mod rules;
mod status;
mod stop;
mod support;
