#include "http/exchange.hpp"

#include <fmt/format.h>

namespace troupe::http {

awaitable<result<std::string>> exchange::read_all(bytes most) {
  const auto too_large = [&] { return error{errc::too_large, fmt::format("the body is larger than {} bytes", most.count())}; };
  if (content_length() && *content_length() > most.count()) co_return too_large();
  std::string whole;
  if (content_length()) whole.reserve(*content_length());
  while (true) {
    const auto piece = co_await read_piece();
    if (!piece) co_return piece.error();
    if (piece->empty()) co_return whole;
    if (whole.size() + piece->size() > most.count()) co_return too_large();
    whole += *piece;
  }
}

}  // namespace troupe::http
