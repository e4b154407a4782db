//! One connection to the server, as cheap as HTTP can be: the load shares the machine with what it measures.

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use tokio::net::TcpStream;
use usher_domain::cbor;
use usher_domain::protocol::MEDIA_TYPE;

/// A connection that is kept.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: HeaderValue,
    /// The `Authorization` header, once signed in.
    pub(crate) token: Option<HeaderValue>,
}

impl Connection {
    /// Connects.
    pub(crate) async fn open(to: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // It ends when the sender is dropped; how, its requests tell.
        tokio::spawn(async move {
            let _ended = connection.await;
        });
        Ok(Self {
            sender,
            host: HeaderValue::try_from(to.to_string())?,
            token: None,
        })
    }

    /// Sends a body of CBOR and reads the answer.
    pub(crate) async fn post<T: for<'b> minicbor::Decode<'b, ()>>(
        &mut self,
        path: &str,
        body: Vec<u8>,
    ) -> Result<T> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(CONTENT_TYPE, MEDIA_TYPE);
        let answer = self.send(request.body(Full::new(body.into()))?).await?;
        Ok(cbor::decode(&whole(answer).await?)?)
    }

    /// Asks for something in CBOR.
    pub(crate) async fn get<T: for<'b> minicbor::Decode<'b, ()>>(
        &mut self,
        path: &str,
    ) -> Result<T> {
        let answer = self.open_answer(path, None).await?;
        Ok(cbor::decode(&whole(answer).await?)?)
    }

    /// Asks for something, with a range of bytes if one is named; the body is still to be read.
    pub(crate) async fn open_answer(
        &mut self,
        path: &str,
        range: Option<String>,
    ) -> Result<Response<Incoming>> {
        let mut request = Request::builder().uri(path);
        if let Some(range) = range {
            request = request.header(hyper::header::RANGE, range);
        }
        self.send(request.body(Full::default())?).await
    }

    async fn send(&mut self, mut request: Request<Full<Bytes>>) -> Result<Response<Incoming>> {
        let headers = request.headers_mut();
        headers.insert(HOST, self.host.clone());
        if let Some(token) = &self.token {
            headers.insert(AUTHORIZATION, token.clone());
        }
        self.sender.ready().await?;
        let answer = self.sender.send_request(request).await?;
        match answer.status() {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => Ok(answer),
            status => {
                let said = whole(answer).await.unwrap_or_default();
                bail!("answered {status}: {}", String::from_utf8_lossy(&said))
            }
        }
    }
}

/// Reads a body to its end.
async fn whole(answer: Response<Incoming>) -> Result<Bytes> {
    let body = answer.into_body().collect().await;
    Ok(body.context("reading an answer")?.to_bytes())
}
