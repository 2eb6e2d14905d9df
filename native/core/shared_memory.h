// shared_memory.h: memory of constant contents, for weights that several models of a process, or by a file several processes, have in common.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "gatecell/gatecell.h"
#include "memory.h"

namespace gatecell {

// A folder for files of shared contents. Only the user of this process can write to it, since another one could change what is mapped.
class SharedFolder {
 public:
  explicit SharedFolder(int descriptor) : descriptor_(descriptor) {}
  SharedFolder(const SharedFolder&) = delete;
  SharedFolder& operator=(const SharedFolder&) = delete;
  ~SharedFolder();
  // GC_INVALID_ARGUMENT unless `path` is a folder that belongs to this user and that no other one can write to.
  static gc_status open(const char* path, std::shared_ptr<const SharedFolder>* out);
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

// Contents that are never written again: in a block, or in a file that is mapped read-only.
class SharedMemory {
 public:
  SharedMemory(Block&& block, int64_t bytes, std::string label)
      : block_(std::move(block)), bytes_(bytes), label_(std::move(label)) {}
  // `mapping` is that of a file, with its header.
  SharedMemory(char* mapping, int64_t bytes, std::string label)
      : mapping_(mapping), bytes_(bytes), label_(std::move(label)) {}
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  ~SharedMemory();
  const char* data() const { return mapping_ ? mapping_ + kHeader : block_.data(); }
  int64_t bytes() const { return bytes_; }  // of the contents
  bool has_file() const { return mapping_ != nullptr; }
  const std::string& label() const { return label_; }

  static constexpr int64_t kHeader = 4096;  // bytes of a file before its contents, so that these begin on a page

 private:
  Block block_;
  char* mapping_ = nullptr;
  int64_t bytes_ = 0;
  std::string label_;
};

// Finds memory with the first `bytes` of `own`, which it compares byte by byte, or makes it: without a folder from `own`, which becomes
// another block, and with one by a file. `label` describes the contents in lines; different labels share nothing. GC_FILE_WRITE if the file
// cannot be written, GC_OUT_OF_MEMORY.
gc_status share_contents(const std::string& label, Block& own, int64_t bytes, const SharedFolder* folder,
                         std::shared_ptr<const SharedMemory>* out);

// Replaces the whole pages in [data, data + bytes) by those of a file with the same contents: pages that are not written are shared, and a
// write makes a private copy of its page. Does nothing for less than 256 KiB. Nobody may write to them meanwhile. Returns the bytes of the
// pages in *shared.
gc_status share_pages(const std::string& label, char* data, int64_t bytes, const SharedFolder& folder, int64_t* shared);
}  // namespace gatecell
