#include "http/status_map.hpp"

namespace troupe::http {

int status_of(errc code) noexcept {
  switch (code) {
    case errc::none: return 200;
    case errc::bad_request: return 400;
    case errc::not_found: return 404;
    case errc::conflict: return 409;
    case errc::not_leader: return 503;
    case errc::queue_full: return 429;
    case errc::degraded: return 429;
    case errc::no_space: return 507;
    case errc::too_large: return 413;
    case errc::timed_out: return 504;
    case errc::stopping: return 503;
    case errc::process_failed: return 500;
    case errc::corrupt: return 500;
    case errc::io_failed: return 500;
    case errc::internal: return 500;
  }
  return 500;
}

const char* reason_of(int status) noexcept {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 421: return "Misdirected Request";
    case 426: return "Upgrade Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return "Unknown";
  }
}

}  // namespace troupe::http
