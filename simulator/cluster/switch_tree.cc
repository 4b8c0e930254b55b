#include "simulator/cluster/switch_tree.h"

#include <map>

#include "base/status_macros.h"
#include "simulator/cluster/fields.h"

namespace automap {
namespace {

class SwitchTree {
 public:
  SwitchTree(const v1::Cluster& proto, Cluster& cluster) : proto_(proto), cluster_(cluster) {}

  absl::Status Read() {
    cluster_.switches.resize(proto_.switches_size());
    for (int i = 0; i < proto_.switches_size(); ++i) RETURN_IF_ERROR(Name(i));
    for (int i = 0; i < proto_.switches_size(); ++i) {
      RETURN_IF_ERROR(AttachServers(i));
      RETURN_IF_ERROR(AttachSwitches(i));
      const double ratio = Ratio(i);
      if (!std::isfinite(ratio) || ratio < 1)
        return RefuseField(Path(i) + ".oversubscription", absl::StrCat(ratio), ">= 1");
    }
    ASSIGN_OR_RETURN(const std::vector<int32_t> order, ParentsLast());
    AddUp(order);
    return absl::OkStatus();
  }

 private:
  static std::string Path(int i) { return absl::StrCat("switches[", i, "]"); }

  double Ratio(int i) const {
    return proto_.switches(i).has_oversubscription() ? proto_.switches(i).oversubscription() : 1;
  }

  // Switches that nobody refers to need no name.
  absl::Status Name(int i) {
    const std::string& name = proto_.switches(i).name();
    if (name.empty() || by_name_.emplace(name, i).second) return absl::OkStatus();
    return RefuseField(Path(i) + ".name", Quoted(name), "unique");
  }

  absl::Status AttachServers(int i) {
    for (int j = 0; j < proto_.switches(i).servers_size(); ++j) {
      const int32_t server = proto_.switches(i).servers(j);
      const std::string path = absl::StrCat(Path(i), ".servers[", j, "]");
      if (server < 0 || server >= proto_.servers_size())
        return RefuseField(path, absl::StrCat(server), "the index of a server");
      int32_t& above = cluster_.servers[server].switch_index;
      if (above >= 0)
        return RefuseField(path, absl::StrCat(server),
                           absl::StrCat("below one switch; ", Path(above), " has it, too"));
      above = i;
    }
    return absl::OkStatus();
  }

  absl::Status AttachSwitches(int i) {
    for (int j = 0; j < proto_.switches(i).switches_size(); ++j) {
      const std::string& name = proto_.switches(i).switches(j);
      const std::string path = absl::StrCat(Path(i), ".switches[", j, "]");
      const auto found = by_name_.find(name);
      if (found == by_name_.end())
        return RefuseField(path, Quoted(name),
                           absl::StrCat("the name of a switch", HintFor(name, proto_.switches())));
      int32_t& parent = cluster_.switches[found->second].parent;
      if (parent >= 0)
        return RefuseField(path, Quoted(name),
                           absl::StrCat("below one switch; ", Path(parent), " has it, too"));
      parent = i;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<int32_t>> ParentsLast() const {
    const int32_t count = proto_.switches_size();
    std::vector<int32_t> waiting(count, 0), order;
    for (const Switch& item : cluster_.switches) {
      if (item.parent >= 0) ++waiting[item.parent];
    }
    for (int32_t i = 0; i < count; ++i) {
      if (waiting[i] == 0) order.push_back(i);
    }
    for (size_t next = 0; next < order.size(); ++next) {
      const int32_t parent = cluster_.switches[order[next]].parent;
      if (parent >= 0 && --waiting[parent] == 0) order.push_back(parent);
    }
    for (int32_t i = 0; i < count; ++i) {
      if (waiting[i] > 0)
        return RefuseField(Path(i) + ".switches", "a cycle", "free of switches above this one");
    }
    return order;
  }

  void AddUp(const std::vector<int32_t>& parents_last) {
    std::vector<BytesPerSecond> into(proto_.switches_size());
    std::vector<int64_t> servers(proto_.switches_size(), 0);
    for (const Server& server : cluster_.servers) {
      if (server.switch_index < 0) continue;
      into[server.switch_index] += server.outside.Reached();
      ++servers[server.switch_index];
    }
    for (const int32_t i : parents_last) {
      Switch& item = cluster_.switches[i];
      item.uplink = into[i] / Ratio(i);
      if (servers[i] == proto_.servers_size() && item.parent < 0) item.congestion = Ratio(i);
      if (item.parent < 0) continue;
      into[item.parent] += item.uplink;
      servers[item.parent] += servers[i];
    }
  }

  const v1::Cluster& proto_;
  Cluster& cluster_;
  std::map<std::string, int32_t> by_name_;
};

}  // namespace

absl::Status ReadSwitches(const v1::Cluster& proto, Cluster& cluster) {
  return SwitchTree(proto, cluster).Read();
}

}  // namespace automap
