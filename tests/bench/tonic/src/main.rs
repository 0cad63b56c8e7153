//! bare_tonic: the least that an ext_proc server on Rust's tonic can do, for comparison.
//!
//!     bare_tonic [PORT]        on 127.0.0.1; 0 or none takes a free one. Prints where it listens.
//!     bare_tonic unix:PATH
//!
//! It answers as bare_h2 does, and has its windows and its one thread. tonic is not made to look slow:
//! bytes are not copied out of a message, and answers are made where tonic asks for them, without a
//! task and a channel for each stream.

#[allow(clippy::all)] // generated
mod proto {
    tonic::include_proto!("proto");
}

use std::{env, error::Error, net::Ipv4Addr};

use proto::envoy::config::core::v3::{
    HeaderValue, HeaderValueOption, header_value_option::HeaderAppendAction,
};
use proto::envoy::service::ext_proc::v3::{
    BodyResponse, CommonResponse, HeaderMutation, HeadersResponse, ProcessingRequest,
    ProcessingResponse, TrailersResponse,
    external_processor_server::{ExternalProcessor, ExternalProcessorServer},
    processing_request::Request as Asked,
    processing_response::Response as Answer,
};
use tokio::net::{TcpListener, UnixListener};
use tokio_stream::{StreamExt, adapters::Map, wrappers::UnixListenerStream};
use tonic::transport::server::{Router, Server, TcpIncoming};
use tonic::{Request, Response, Status, Streaming};

const MAX_STREAMS: u32 = 100_000;
const STREAM_WINDOW: u32 = 1 << 20;
const CONN_WINDOW: u32 = 16 << 20;

type Heard = Result<ProcessingRequest, Status>;
type Said = Result<ProcessingResponse, Status>;

fn set_header() -> HeadersResponse {
    let header = HeaderValue {
        key: "x-ext".into(),
        raw_value: b"1".as_slice().into(),
        ..Default::default()
    };
    let option = HeaderValueOption {
        header: Some(header),
        append_action: HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
        ..Default::default()
    };
    let mutation = HeaderMutation {
        set_headers: vec![option],
        ..Default::default()
    };
    HeadersResponse {
        response: Some(CommonResponse {
            header_mutation: Some(mutation),
            ..Default::default()
        }),
    }
}

fn answer(request: Heard) -> Said {
    let response = match request?.request {
        Some(Asked::RequestHeaders(_)) => Answer::RequestHeaders(set_header()),
        Some(Asked::ResponseHeaders(_)) => Answer::ResponseHeaders(HeadersResponse::default()),
        Some(Asked::RequestBody(_)) => Answer::RequestBody(BodyResponse::default()),
        Some(Asked::ResponseBody(_)) => Answer::ResponseBody(BodyResponse::default()),
        Some(Asked::RequestTrailers(_)) => Answer::RequestTrailers(TrailersResponse::default()),
        Some(Asked::ResponseTrailers(_)) => Answer::ResponseTrailers(TrailersResponse::default()),
        None => return Err(Status::invalid_argument("nothing is asked")),
    };
    Ok(ProcessingResponse {
        response: Some(response),
        ..Default::default()
    })
}

struct Bare;

#[tonic::async_trait]
impl ExternalProcessor for Bare {
    type ProcessStream = Map<Streaming<ProcessingRequest>, fn(Heard) -> Said>;

    async fn process(
        &self,
        request: Request<Streaming<ProcessingRequest>>,
    ) -> Result<Response<Self::ProcessStream>, Status> {
        Ok(Response::new(request.into_inner().map(answer)))
    }
}

fn server() -> Router {
    Server::builder()
        .max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONN_WINDOW)
        .add_service(ExternalProcessorServer::new(Bare))
}

async fn serve_unix(path: &str) -> Result<(), Box<dyn Error>> {
    let listener = UnixListener::bind(path)?;
    println!("listening on unix:{path}");
    Ok(server()
        .serve_with_incoming(UnixListenerStream::new(listener))
        .await?)
}

async fn serve_tcp(port: u16) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    println!("listening on {}", listener.local_addr()?);
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    Ok(server().serve_with_incoming(incoming).await?)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).unwrap_or("0".into());
    match address.strip_prefix("unix:") {
        Some(path) => serve_unix(path).await,
        None => serve_tcp(address.parse()?).await,
    }
}
