// shared_memory.cc: contents are found by their hash and compared byte by byte, so neither a hash nor a file is trusted. A file is written under
// another name and renamed, so that no process reads half of one.
#include "shared_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#if defined(__GLIBC__)
#include <sys/syscall.h>
#endif

#include <cstring>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "hash.h"
#include "status.h"

namespace gatecell {
namespace {
constexpr int64_t kPage = SharedMemory::kHeader;
constexpr int64_t kLeast = 1 << 18;  // bytes of weights for which a mapping of their own is worth it

struct File {
  int descriptor = -1;
  char* mapping = nullptr;  // with the header, read-only
  int64_t bytes = 0;
  ~File() {
    if (mapping) munmap(mapping, static_cast<size_t>(bytes));
    if (descriptor >= 0) close(descriptor);
  }
};

struct Contents {
  const char* data;
  int64_t bytes;
  uint64_t hash;
  char header[kPage];
  char name[40];
};

Contents contents_of(const std::string& label, const char* data, int64_t bytes) {
  Contents c = {
      data, bytes, hash_bytes(data, bytes, hash_bytes(label.data(), static_cast<int64_t>(label.size()), 0)), {}, {}};
  snprintf(c.header, sizeof c.header, "gatecell packed weights\nversion 1\n%s\nhash %016llx\nbytes %lld\n",
           label.c_str(), static_cast<unsigned long long>(c.hash), static_cast<long long>(bytes));
  snprintf(c.name, sizeof c.name, "%016llx.packed", static_cast<unsigned long long>(c.hash));
  return c;
}

// Reads the facts about an open file. Before version 2.33 glibc has fstat only as an inline function, so a library that is built with a newer
// one would not load there; the kernel's structure is the same on 64-bit systems.
bool read_facts(int descriptor, struct stat* out) {
#if defined(__GLIBC__)
  return syscall(SYS_fstat, descriptor, out) == 0;
#else
  return fstat(descriptor, out) == 0;
#endif
}

// Returns whether only this user, or root, can write to a file or folder.
bool is_own(const struct stat& info) {
  return (info.st_uid == geteuid() || info.st_uid == 0) && (info.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

// Opens and maps the file with these contents. Returns false if there is none, or another one under its name.
bool open_file(const Contents& c, const SharedFolder& folder, File* out) {
  File file;
  file.descriptor = openat(folder.descriptor(), c.name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  struct stat info;
  if (file.descriptor < 0 || !read_facts(file.descriptor, &info) || !S_ISREG(info.st_mode) || !is_own(info) ||
      info.st_size != kPage + c.bytes)
    return false;
  void* mapping = mmap(nullptr, static_cast<size_t>(info.st_size), PROT_READ, MAP_SHARED, file.descriptor, 0);
  if (mapping == MAP_FAILED) return false;
  file.mapping = static_cast<char*>(mapping), file.bytes = info.st_size;
  if (memcmp(file.mapping, c.header, kPage) != 0 ||
      memcmp(file.mapping + kPage, c.data, static_cast<size_t>(c.bytes)) != 0)
    return false;
  std::swap(*out, file);
  return true;
}

bool write_all(int descriptor, const char* data, int64_t bytes) {
  while (bytes > 0) {
    const ssize_t written = write(descriptor, data, static_cast<size_t>(bytes));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    data += written, bytes -= written;
  }
  return true;
}

// Returns a name for a file that is being written, which no other process uses, also one of another container with the same id.
std::string temporary_name(const Contents& c) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  const uint64_t parts[] = {static_cast<uint64_t>(now.tv_sec), static_cast<uint64_t>(now.tv_nsec),
                            static_cast<uint64_t>(getpid()), reinterpret_cast<uint64_t>(&now)};
  char name[80];
  snprintf(name, sizeof name, "%s.%016llx", c.name,
           static_cast<unsigned long long>(hash_bytes(parts, sizeof parts, c.hash)));
  return name;
}

// Gives a written file its name. Of two processes that write the same, both keep the file of the first; a damaged file is replaced.
bool name_file(const Contents& c, const SharedFolder& folder, const char* written) {
  const int at = folder.descriptor();
  File other;
  if (linkat(at, written, at, c.name, 0) == 0 || open_file(c, folder, &other)) return unlinkat(at, written, 0) == 0;
  return renameat(at, written, at, c.name) == 0;
}

// Writes a file with these contents under its name.
gc_status write_file(const Contents& c, const SharedFolder& folder) {
  const std::string name = temporary_name(c);
  const int at = folder.descriptor();
  const int file = openat(at, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  bool done = file >= 0 && write_all(file, c.header, kPage) && write_all(file, c.data, c.bytes);
  int error = errno;
  if (file >= 0 && close(file) != 0 && done) done = false, error = errno;
  if (done && name_file(c, folder, name.c_str())) return GC_OK;
  if (done) error = errno;
  if (file >= 0) unlinkat(at, name.c_str(), 0);
  return fail(GC_FILE_WRITE, "expected to write %lld bytes to the folder of shared weights, but the system refused: %s",
              static_cast<long long>(c.bytes + kPage), strerror(error));
}

gc_status find_file(const Contents& c, const SharedFolder& folder, File* out) {
  if (open_file(c, folder, out)) return GC_OK;
  const gc_status status = write_file(c, folder);
  if (status != GC_OK) return status;
  if (open_file(c, folder, out)) return GC_OK;
  return fail(GC_FILE_WRITE, "expected %s in the folder of shared weights to be as it was written, but it is not",
              c.name);
}

// Shared memory of this process by its hash. Entries whose memory is gone are removed by later calls.
struct Registry {
  std::mutex mutex;
  std::unordered_map<uint64_t, std::vector<std::weak_ptr<const SharedMemory>>> known;
};

Registry& registry() {
  static Registry* one = new Registry();  // never destroyed, since threads may end after static objects
  return *one;
}

std::shared_ptr<const SharedMemory> find_known(Registry& r, const Contents& c, const std::string& label, bool file) {
  for (auto entry = r.known.begin(); entry != r.known.end();) {
    auto& list = entry->second;
    for (size_t i = list.size(); i-- > 0;)
      if (list[i].expired()) list.erase(list.begin() + static_cast<std::ptrdiff_t>(i));
    entry = list.empty() ? r.known.erase(entry) : std::next(entry);
  }
  const auto entry = r.known.find(c.hash);
  if (entry == r.known.end()) return nullptr;
  for (const auto& one : entry->second) {
    auto memory = one.lock();
    if (memory && memory->has_file() == file && memory->label() == label && memory->bytes() == c.bytes &&
        memcmp(memory->data(), c.data, static_cast<size_t>(c.bytes)) == 0)
      return memory;
  }
  return nullptr;
}
}  // namespace

SharedFolder::~SharedFolder() { close(descriptor_); }

gc_status SharedFolder::open(const char* path, std::shared_ptr<const SharedFolder>* out) {
  const int descriptor = ::open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0)
    return fail(GC_INVALID_ARGUMENT, "expected a folder for shared weights at %s, but it cannot be opened: %s", path,
                strerror(errno));
  auto folder = std::make_shared<const SharedFolder>(descriptor);
  struct stat info;
  if (!read_facts(descriptor, &info) || !is_own(info))
    return fail(GC_INVALID_ARGUMENT,
                "expected a folder for shared weights that only the user of this process can write to, but others can "
                "write to %s: name a new one, or chmod 700",
                path);
  *out = std::move(folder);
  return GC_OK;
}

SharedMemory::~SharedMemory() {
  if (mapping_) munmap(mapping_, static_cast<size_t>(kHeader + bytes_));
}

gc_status share_contents(const std::string& label, Block& own, int64_t bytes, const SharedFolder* folder,
                         std::shared_ptr<const SharedMemory>* out) {
  const Contents c = contents_of(label, own.data(), bytes);
  Registry& r = registry();
  std::lock_guard<std::mutex> lock(r.mutex);
  std::shared_ptr<const SharedMemory> memory = find_known(r, c, label, folder != nullptr);
  if (!memory) {
    if (folder) {
      File file;
      const gc_status status = find_file(c, *folder, &file);
      if (status != GC_OK) return status;
      memory = std::make_shared<const SharedMemory>(file.mapping, bytes, label);
      file.mapping = nullptr;
    } else {
      Block other;
      if (!other.allocate(own.bytes())) return fail(GC_OUT_OF_MEMORY, "no memory for packed weights");
      std::swap(own, other);
      memory = std::make_shared<const SharedMemory>(std::move(other), bytes, label);
    }
    r.known[c.hash].push_back(memory);
  }
  own.discard();
  *out = std::move(memory);
  return GC_OK;
}

gc_status share_pages(const std::string& label, char* data, int64_t bytes, const SharedFolder& folder,
                      int64_t* shared) {
  const int64_t skip = round_up(reinterpret_cast<int64_t>(data), kPage) - reinterpret_cast<int64_t>(data);
  const int64_t size = (bytes - skip) / kPage * kPage;
  *shared = 0;
  if (size < kLeast) return GC_OK;
  File file;
  const gc_status status = find_file(contents_of(label, data + skip, size), folder, &file);
  if (status != GC_OK) return status;
  if (mmap(data + skip, static_cast<size_t>(size), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, file.descriptor,
           kPage) == MAP_FAILED)
    return fail(GC_OUT_OF_MEMORY, "no memory to map shared weights: %s", strerror(errno));
  *shared = size;
  return GC_OK;
}
}  // namespace gatecell
