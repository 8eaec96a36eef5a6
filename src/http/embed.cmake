# Writes OUT, a C++ file that holds the FILES. Called as a script: cmake -DOUT=x.cpp -DFILES=a|b -P embed.cmake
string(REPLACE "|" ";" FILES "${FILES}")
set(arrays "")
set(rows "")
set(number 0)
foreach(file IN LISTS FILES)
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${hex}")
  get_filename_component(name ${file} NAME)
  string(APPEND arrays "constexpr char file_${number}[] = {${bytes}'\\0'};\n")
  string(APPEND rows "    {\"${name}\", {file_${number}, sizeof file_${number} - 1}},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE ${OUT} "#include \"http/embedded.hpp\"

namespace troupe::http {
namespace {

${arrays}
constexpr embedded_file files[] = {
${rows}};

}  // namespace

std::span<const embedded_file> embedded_files() noexcept { return files; }

}  // namespace troupe::http
")
